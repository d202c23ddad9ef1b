// Breadcrumbs: links to the ancestors and the page's own name.

import { h } from "../dom.js";

/** @param {[string, string][]} above the ancestors' titles and URLs @param {string} last @param {import("../dom.js").Child} [beside] */
export function trail(above, last, beside) {
  return h("div", { class: "trail" },
    h("nav", { "aria-label": "Path" }, h("ol", {},
      above.map(([title, url]) => h("li", {}, h("a", { href: url }, title))),
      h("li", {}, h("span", { "aria-current": "page" }, last)))),
    beside);
}
