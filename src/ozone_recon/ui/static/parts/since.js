// Elapsed times that keep counting while they are visible.

import { now } from "../api.js";
import { h } from "../dom.js";
import { age, iso, time } from "../format.js";

/** @param {number} at ms since 1970; 0 for never @param {string} [after] such as " ago" @param {string} [never] */
export function since(at, after = "", never = "") {
  if (!at) return h("span", { class: "faint" }, never);
  return h("time", { datetime: iso(at), title: time(at), "data-at": at, "data-after": after }, age(now() - at) + after);
}

/** Updates all elapsed times on the page. */
export function tick() {
  for (const shown of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("time[data-at]"))) {
    const text = age(now() - Number(shown.dataset.at)) + shown.dataset.after;
    if (shown.textContent !== text) shown.textContent = text;
  }
}
