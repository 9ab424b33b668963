// A figure as the text of an SVG file, in QuickJS. `textWidth(text, size)` comes from the host.
"use strict";

// Vega cuts a text that is wider than its limit; while it looks for the cut it asks here again, for shorter texts.
vega.textMetrics.width = (item, text) => {
  const width = text ? textWidth(String(text), item.fontSize ?? 11) : 0;
  return item.limit > 0 ? Math.min(width, item.limit) : width;
};

globalThis.drawn = null;

// Leaves `drawn` as { svg } or { failure }, and what Vega remarked in `remarks`, when all jobs are done.
function drawFile(specText, themeText, width) {
  const remarks = [];
  const failed = (error) => { globalThis.drawn = { remarks, failure: String(error?.message ?? error) }; };
  globalThis.drawn = null;
  try {
    let failure = null;
    const log = (level, text) => { if (level === "ERROR") failure ??= text; else remarks.push(text); };
    vega.setRandom(vega.randomLCG(1));
    vega.resetSVGDefIds();
    const view = figureView(JSON.parse(specText), JSON.parse(themeText), width, { log, view: { renderer: "none" } });
    view.toSVG().then(
      (svg) => { failure === null ? globalThis.drawn = { remarks, svg } : failed(failure); },
      failed,
    );
  } catch (error) {
    failed(error);
  }
}
