// A page's message in place of data: loading, waiting, empty or failed.

import { h } from "../dom.js";

/** @param {"loading" | "waiting" | "empty" | "error"} kind @param {string} text @param {(() => void) | null} [retry] */
export function notice(kind, text, retry = null) {
  return h("div", { class: `notice ${kind}`, role: kind === "error" ? "alert" : "status" },
    h("p", {}, text),
    retry !== null && h("button", { type: "button", onclick: retry }, "Try again"));
}
