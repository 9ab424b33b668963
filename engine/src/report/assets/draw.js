// From a Vega-Lite specification to a picture: the part that the reader's browser and QuickJS share.
"use strict";

// Room that labels may take, as a share of the width: on a phone they must leave some for the marks.
const LABEL_SHARE = 0.34;
// Pixels between two ticks of a horizontal axis, about.
const TICK_STEP = 95;

// `width: "container"` means all of `width`, with axes and legends inside. `theme` is a Vega-Lite configuration.
function figureView(spec, theme, width, options) {
  const limit = (given) => Math.round(Math.min(given ?? Infinity, width * LABEL_SHARE));
  const config = {
    ...theme,
    axisY: { labelLimit: limit(theme.axis.labelLimit) },
    axisX: { labelLimit: limit(theme.axis.labelLimit), labelOverlap: true, labelSeparation: 6 },
    axisXQuantitative: { tickCount: Math.max(3, Math.min(8, Math.round((width * (1 - LABEL_SHARE)) / TICK_STEP))) },
    legend: { ...theme.legend, labelLimit: limit(theme.legend.labelLimit) },
  };
  const sized = spec.width === "container"
    ? { ...spec, width, autosize: { type: "fit-x", contains: "padding" } }
    : spec;
  const logger = vega.logger(vega.Warn, undefined, (_method, level, words) => {
    // Said of every figure whose height follows from its bands, though only the width is to fit.
    if (!String(words[0]).startsWith('Dropping "fit-')) options.log(level, words.join(" "));
  });
  const compiled = vegaLite.compile(sized, { config, logger }).spec;
  return new vega.View(vega.parse(compiled), { ...options.view, logger });
}
