// A bar whose parts fill a whole: what is used of a disk, by whom.

import { h, s } from "../dom.js";

/** @typedef {{value: number, tone: string, label: string, text: string}} Share */

/** @param {Share[]} shares @param {number} whole @param {string} label what a screen reader and a pointer are told */
export function shareBar(shares, whole, label) {
  let at = 0;
  const rects = shares.map((share) => {
    const width = whole > 0 ? (100 * Math.max(0, share.value)) / whole : 0;
    const rect = s("rect", { class: `share ${share.tone}`, x: at, width: Math.min(width, 100 - at), height: 10 });
    at = Math.min(100, at + width);
    return rect;
  });
  return s("svg", { class: "shares", viewBox: "0 0 100 10", preserveAspectRatio: "none", role: "img", "aria-label": label },
    s("title", {}, label), s("rect", { class: "share ground", width: 100, height: 10 }), rects);
}

/** The shares in words, each with its colour. @param {Share[]} shares */
export function shareLegend(shares) {
  return h("ul", { class: "share-legend" }, shares.map((share) =>
    h("li", {}, share.tone && h("span", { class: `swatch ${share.tone}`, "aria-hidden": "true" }), share.label, " ", h("b", {}, share.text))));
}
