// The page around the figures: theme, contents, tables that sort, texts to copy.
"use strict";

const root = document.documentElement;
const themeButton = document.getElementById("theme");
// Private windows and some viewers refuse storage; the choice then lasts as long as the page.
const stored = {
  get() { try { return localStorage.getItem("pellucid-theme"); } catch { return null; } },
  set(value) { try { localStorage.setItem("pellucid-theme", value); } catch { /* not kept */ } },
};

function setTheme(choice) {
  if (choice === "auto") delete root.dataset.theme;
  else root.dataset.theme = choice;
  themeButton.querySelector("span").textContent = choice;
  dispatchEvent(new Event("themechange"));
}

const CHOICES = ["auto", "light", "dark"];
let theme = CHOICES.includes(stored.get()) ? stored.get() : "auto";
setTheme(theme);
themeButton.hidden = false;
themeButton.addEventListener("click", () => {
  theme = CHOICES[(CHOICES.indexOf(theme) + 1) % CHOICES.length];
  stored.set(theme);
  setTheme(theme);
});

// The section being read is marked in the contents: the one that crosses a line near the top of the window.
const links = new Map(Array.from(document.querySelectorAll("nav a"), (link) => [link.hash.slice(1), link]));
const reading = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) links.get(target.id).setAttribute("aria-current", "true");
    else links.get(target.id).removeAttribute("aria-current");
  }
}, { rootMargin: "-20% 0px -80% 0px" });
for (const section of document.querySelectorAll("main > section")) reading.observe(section);

// Numbers sort by their full value, texts as a person expects; what is missing comes last either way.
const collator = new Intl.Collator(undefined, { numeric: true });
function sortBy(header) {
  const table = header.closest("table");
  const column = header.cellIndex;
  const numeric = header.classList.contains("number");
  const descending = header.getAttribute("aria-sort") ? header.getAttribute("aria-sort") === "ascending" : numeric;
  const sign = descending ? -1 : 1;
  const key = (row) => {
    const cell = row.cells[column];
    return numeric ? (cell.dataset.value === undefined ? null : Number(cell.dataset.value)) : cell.textContent;
  };
  const compare = (a, b) => {
    if (a === null || b === null) return (a === null) - (b === null);
    return sign * (numeric ? a - b : collator.compare(a, b));
  };
  const rows = Array.from(table.tBodies[0].rows, (row) => [key(row), row]);
  rows.sort((a, b) => compare(a[0], b[0]));
  table.tBodies[0].append(...rows.map(([, row]) => row));
  for (const other of header.parentElement.cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", descending ? "descending" : "ascending");
}
for (const button of document.querySelectorAll(".sort")) {
  button.addEventListener("click", () => sortBy(button.parentElement));
}

for (const button of document.querySelectorAll(".copy")) {
  const code = button.closest(".code").querySelector("code");
  const label = button.firstChild;
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      label.textContent = "Copied";
    } catch {
      // Without the right to write, the text is selected for the reader to copy.
      getSelection().selectAllChildren(code);
      label.textContent = "Selected";
    }
    setTimeout(() => { label.textContent = "Copy"; }, 2000);
  });
}
