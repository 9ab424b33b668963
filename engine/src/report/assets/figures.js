// Draws the figures of the report: when they come near the window, anew for another width or theme, all of them for print.
"use strict";

const themes = JSON.parse(document.getElementById("themes").textContent);
const systemDark = matchMedia("(prefers-color-scheme: dark)");
// Beyond this many marks pixels are faster than elements.
const MANY_MARKS = 2000;
// A4 and Letter have room for this many pixels between their margins.
const PRINT_WIDTH = 660;

const themeName = () => document.documentElement.dataset.theme ?? (systemDark.matches ? "dark" : "light");

class Plot {
  constructor(element) {
    this.element = element;
    this.done = "";
    element.style.minHeight = `${element.dataset.height}px`;
  }

  get spec() {
    return (this.parsed ??= JSON.parse(document.getElementById(`spec-${this.element.dataset.figure}`).textContent));
  }

  get marks() {
    return Math.max(0, ...[this.spec, ...(this.spec.layer ?? [])].map((part) => part.data?.values?.length ?? 0));
  }

  draw(theme = themeName(), width = this.element.clientWidth, renderer) {
    renderer ??= this.spec.usermeta?.renderer ?? (this.marks > MANY_MARKS ? "canvas" : "svg");
    const wanted = [theme, width, renderer].join();
    if (width <= 0 || wanted === this.done) return;
    this.done = wanted;
    this.view?.finalize();
    // The picture's name and text are on the element outside; what Vega says of its marks would only be noise.
    const inside = document.createElement("div");
    inside.setAttribute("aria-hidden", "true");
    try {
      const log = (level, text) => { if (level === "ERROR") this.fail(text); };
      const config = { ...themes[theme], background: "transparent", padding: 2 };
      this.view = figureView(this.spec, config, width, { log, view: { renderer, hover: false } });
      this.view.tooltip(showTooltip).initialize(inside).run();
      this.element.replaceChildren(inside);
      this.element.style.minHeight = "";
    } catch (error) {
      this.fail(error.message);
    }
  }

  fail(text) {
    console.error(`figure ${this.element.dataset.figure}: ${text}`);
    const message = document.createElement("p");
    message.className = "failure";
    message.textContent = `This figure could not be drawn: ${text}. Its numbers are in the table.`;
    this.element.replaceChildren(message);
  }
}

const tooltip = document.getElementById("tooltip");
const shown = (value) => (typeof value === "number" ? String(+value.toPrecision(4)) : String(value));

// What Vega calls when the pointer is on a mark: `value` is a text, an object of texts, or nothing.
function showTooltip(_handler, event, _item, value) {
  tooltip.hidden = value === null || value === undefined || value === "";
  if (tooltip.hidden) return;
  tooltip.replaceChildren();
  if (typeof value === "object") {
    const list = document.createElement("dl");
    for (const [name, part] of Object.entries(value)) {
      if (part !== null && typeof part === "object") continue;
      list.append(Object.assign(document.createElement("dt"), { textContent: name }));
      list.append(Object.assign(document.createElement("dd"), { textContent: part === null ? "–" : shown(part) }));
    }
    tooltip.append(list);
  } else {
    tooltip.textContent = shown(value);
  }
  const { width, height } = tooltip.getBoundingClientRect();
  const left = event.clientX + 14 + width > innerWidth ? event.clientX - 14 - width : event.clientX + 14;
  tooltip.style.left = `${Math.max(4, left)}px`;
  tooltip.style.top = `${Math.max(4, Math.min(event.clientY + 14, innerHeight - height - 4))}px`;
}
addEventListener("scroll", () => { tooltip.hidden = true; }, { passive: true });
addEventListener("keydown", (event) => { if (event.key === "Escape") tooltip.hidden = true; });

const plots = new Map(Array.from(document.querySelectorAll(".plot"), (element) => [element, new Plot(element)]));
const redraw = () => { for (const plot of plots.values()) if (plot.done) plot.draw(); };

const near = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    near.unobserve(entry.target);
    plots.get(entry.target).draw();
  }
}, { rootMargin: "800px 0px" });
let printing = false;
const resized = new ResizeObserver((entries) => {
  if (printing) return;
  requestAnimationFrame(() => { for (const entry of entries) { const plot = plots.get(entry.target); if (plot.done) plot.draw(); } });
});
for (const element of plots.keys()) {
  near.observe(element);
  resized.observe(element);
}
systemDark.addEventListener("change", redraw);
addEventListener("themechange", redraw);
addEventListener("beforeprint", () => {
  printing = true;
  for (const plot of plots.values()) plot.draw("light", PRINT_WIDTH, "svg");
});
addEventListener("afterprint", () => { printing = false; redraw(); });
