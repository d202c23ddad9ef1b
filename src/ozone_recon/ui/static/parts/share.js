// A stacked bar of shares of a total, such as disk use.

import { h, s } from "../dom.js";

/** @typedef {{value: number, tone: string, label: string, text: string}} Share */

/** @param {Share[]} shares @param {number} total @param {string} label the tooltip and accessible name */
export function shareBar(shares, total, label) {
  let at = 0;
  const rects = shares.map((share) => {
    const width = total > 0 ? (100 * Math.max(0, share.value)) / total : 0;
    const rect = s("rect", { class: `share ${share.tone}`, x: at, width: Math.min(width, 100 - at), height: 10 });
    at = Math.min(100, at + width);
    return rect;
  });
  return s("svg", { class: "shares", viewBox: "0 0 100 10", preserveAspectRatio: "none", role: "img", "aria-label": label },
    s("title", {}, label), s("rect", { class: "share ground", width: 100, height: 10 }), rects);
}

/** The legend of a share bar. @param {Share[]} shares */
export function shareLegend(shares) {
  return h("ul", { class: "share-legend" }, shares.map((share) =>
    h("li", {}, share.tone && h("span", { class: `swatch ${share.tone}`, "aria-hidden": "true" }), share.label, " ", h("b", {}, share.text))));
}
