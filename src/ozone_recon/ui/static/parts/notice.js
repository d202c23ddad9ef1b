// What a page says when it has nothing to show: loading, not ready yet, not found, failed.

import { h } from "../dom.js";

/** @param {"loading" | "waiting" | "empty" | "error"} kind @param {string} text @param {(() => void) | null} [again] */
export function notice(kind, text, again = null) {
  return h("div", { class: `notice ${kind}`, role: kind === "error" ? "alert" : "status" },
    h("p", {}, text),
    again !== null && h("button", { type: "button", onclick: again }, "Try again"));
}
