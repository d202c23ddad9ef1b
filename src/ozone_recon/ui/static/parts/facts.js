// A row of facts: each has a name above its value, and its exact value where it is pointed at.

import { h } from "../dom.js";

/** @typedef {import("../dom.js").Child} Child */

/** @param {string} label @param {Child | Child[]} value @param {string} [exact] */
export function fact(label, value, exact = "") {
  return h("div", { title: exact }, h("dt", {}, label), h("dd", {}, value));
}

/** @param {Child[]} children facts, or nothing in the place of one that is not known */
export function facts(...children) {
  return h("dl", { class: "facts" }, children);
}
