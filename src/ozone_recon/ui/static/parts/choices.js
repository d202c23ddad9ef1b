// A row of links with one selected, for tabs and filters; each may have a count.

import { h } from "../dom.js";
import { count } from "../format.js";

/** @typedef {{title: string, href: string, chosen: boolean, count?: number | null, tone?: string, hint?: string}} Choice */

/** @param {string} label @param {Choice[]} choices */
export function choices(label, choices) {
  return h("nav", { class: "choices", "aria-label": label }, choices.map((choice) =>
    h("a", { href: choice.href, "aria-current": choice.chosen && "page", title: choice.hint, class: choice.count === 0 && "none" },
      choice.title,
      typeof choice.count === "number" && h("span", { class: `count ${choice.count && choice.tone ? choice.tone : ""}` }, count(choice.count)))));
}
