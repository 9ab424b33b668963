// What Vega expects of its surroundings, in QuickJS: no page, no timers, no canvas.
"use strict";

globalThis.self = globalThis;
globalThis.structuredClone = (value) => JSON.parse(JSON.stringify(value));
globalThis.setTimeout = (work) => { Promise.resolve().then(work); };
globalThis.clearTimeout = () => {};
globalThis.console = { log() {}, warn() {}, error() {}, info() {}, debug() {} };
