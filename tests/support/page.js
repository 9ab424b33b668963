// Questions to a report, asked in the browser. Each is a function that the tests call by name.
"use strict";

const page = {
  // Goes down the page from figure to figure, as a reader does, and stays with each until it is drawn: a busy machine may take
  // seconds to tell the page what is in the window. After a minute the checks say which figure is empty.
  async read() {
    const wait = (ms) => new Promise((done) => setTimeout(done, ms));
    for (const plot of document.querySelectorAll(".plot")) {
      plot.scrollIntoView({ block: "center", behavior: "instant" });
      for (let waited = 0; plot.childElementCount === 0 && waited < 60_000; waited += 20) await wait(20);
    }
    scrollTo({ top: 0, behavior: "instant" });
    // What has just changed its width is drawn anew in the next frame; one comes, or half a second does.
    await Promise.race([new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))), wait(500)]);
    await wait(20);
  },

  // For each figure its size, what it is drawn with, and the marks or the share of pixels that are not empty.
  figures() {
    return Array.from(document.querySelectorAll(".plot"), (plot) => {
      const box = plot.getBoundingClientRect();
      const svg = plot.querySelector("svg");
      const canvas = plot.querySelector("canvas");
      const found = { id: plot.dataset.figure, width: box.width, height: box.height, label: plot.getAttribute("aria-label"), overflow: plot.scrollWidth - plot.clientWidth };
      if (svg) return { ...found, kind: "svg", ink: svg.querySelectorAll("[class*=mark-] path, line, .mark-text text").length };
      if (!canvas) return { ...found, kind: "none", ink: 0 };
      const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
      let inked = 0;
      for (let i = 3; i < pixels.length; i += 4) if (pixels[i] > 0) inked++;
      return { ...found, kind: "canvas", ink: inked / (canvas.width * canvas.height) };
    });
  },

  figureTexts: () => Array.from(document.querySelectorAll(".plot svg text"), (text) => text.textContent),

  tableTexts: () => Array.from(document.querySelectorAll("td, th .sort"), (cell) => cell.textContent),

  overflow: () => document.documentElement.scrollWidth - innerWidth,

  name(element) {
    return `${element.localName} ${(element.textContent || "").trim().replace(/\s+/g, " ").slice(0, 40)}`;
  },

  // What the keyboard should reach, in the order of the document.
  reachable() {
    const all = document.querySelectorAll("a[href], button, summary, pre[tabindex='0']");
    return Array.from(all).filter((e) => e.checkVisibility({ visibilityProperty: true })).map(page.name);
  },

  // Where the focus is, and whether it can be seen there.
  focused() {
    const element = document.activeElement;
    if (element === null || element === document.body) return null;
    const style = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 && box.bottom > 0 && box.top < innerHeight;
    return { name: page.name(element), seen };
  },

  // Texts whose contrast with what lies behind them is below `least`.
  faint(least) {
    const parse = (text) => {
      const [r, g, b, a = 1] = text.replace("color(srgb", "").match(/\d[\d.e-]*/g).map(Number);
      const scale = text.startsWith("color(") ? 255 : 1;
      return { r: r * scale, g: g * scale, b: b * scale, a };
    };
    const over = (top, below) => ({ r: top.r * top.a + below.r * (1 - top.a), g: top.g * top.a + below.g * (1 - top.a), b: top.b * top.a + below.b * (1 - top.a), a: 1 });
    const channel = (c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
    const luminance = (c) => 0.2126 * channel(c.r) + 0.7152 * channel(c.g) + 0.0722 * channel(c.b);
    const behind = (element) => {
      const layers = [];
      for (let e = element; e; e = e.parentElement) layers.push(parse(getComputedStyle(e).backgroundColor));
      return layers.reduceRight((below, top) => over(top, below), { r: 255, g: 255, b: 255, a: 1 });
    };
    // The bar that a text of a figure is written on, if there is one: of those below its middle the one drawn last.
    const bar = (text) => {
      const { left, top, width, height } = text.getBoundingClientRect();
      const [x, y] = [left + width / 2, top + height / 2];
      const holds = (path) => {
        const box = path.getBoundingClientRect();
        return box.left <= x && x <= box.right && box.top <= y && y <= box.bottom;
      };
      return Array.from(text.closest("svg").querySelectorAll(".mark-rect > path")).filter(holds).at(-1);
    };
    const filled = (mark) => {
      const style = getComputedStyle(mark);
      const colour = parse(style.fill);
      return { ...colour, a: colour.a * style.fillOpacity * style.opacity };
    };
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    let texts = 0;
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const element = node.parentElement;
      if (!node.data.trim() || element.closest("script, style, noscript") || !element.checkVisibility()) continue;
      texts++;
      const style = getComputedStyle(element);
      const below = element.closest("svg") && bar(element);
      const back = below ? over(filled(below), behind(element)) : behind(element);
      const front = over(parse(element.closest("svg") ? style.fill : style.color), back);
      const [high, low] = [luminance(front), luminance(back)].sort((a, b) => b - a);
      const contrast = (high + 0.05) / (low + 0.05);
      if (!(contrast >= least)) found.push(`${node.data.trim().slice(0, 30)}: ${contrast.toFixed(2)}`);
    }
    return { texts, found };
  },
};
