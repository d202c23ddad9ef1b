// A row of labelled values; the tooltip has the exact value.

import { h } from "../dom.js";

/** @typedef {import("../dom.js").Child} Child */

/** @param {string} label @param {Child | Child[]} value @param {string} [exact] */
export function fact(label, value, exact = "") {
  return h("div", { title: exact }, h("dt", {}, label), h("dd", {}, value));
}

/** @param {Child[]} children facts; falsy children are left out */
export function facts(...children) {
  return h("dl", { class: "facts" }, children);
}
