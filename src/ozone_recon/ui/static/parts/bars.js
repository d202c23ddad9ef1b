// A horizontal bar chart, scaled to the largest value.

import { h, s } from "../dom.js";

/** @typedef {{label: string, value: number, text: string, title?: string}} Bar */

/** @param {string} heading @param {Bar[]} bars @param {string} [none] the text of an empty chart */
export function barChart(heading, bars, none = "No data.") {
  const largest = Math.max(...bars.map((bar) => bar.value), 0);
  const rows = bars.map((bar) => h("tr", { title: bar.title },
    h("th", { scope: "row" }, bar.label),
    h("td", { class: "track" }, s("svg", { viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" },
      s("rect", { class: "fill", width: largest ? Math.max(0.6, (100 * bar.value) / largest) : 0, height: 10, rx: 0.8 }))),
    h("td", { class: "number" }, bar.text)));
  return h("section", { class: "card bars" }, h("h2", {}, heading),
    bars.length ? h("table", {}, h("tbody", {}, rows)) : h("p", { class: "faint" }, none));
}
