// A card's labelled numbers; a label may link to a page.

import { h } from "../dom.js";

/** @typedef {{label: string, value: import("../dom.js").Child, href?: string, exact?: string, tone?: string}} Pair */

/** @param {(Pair | false)[]} pairs */
export function pairs(pairs) {
  return h("dl", { class: "pairs" }, pairs.map((pair) => pair && h("div", { title: pair.exact },
    h("dt", {}, pair.href ? h("a", { href: pair.href }, pair.label) : pair.label),
    h("dd", { class: pair.tone }, pair.value))));
}
