// Cursor pagination: cuts a response into a page and links to the neighbouring pages.

import { h } from "../dom.js";

/** Rows per page. */
export const PAGE = 50;

/**
 * Cuts a response of up to PAGE + 1 rows to a page; the extra row shows that another page follows.
 * @template R
 * @param {R[]} rows @param {{after: string, before: string}} cursor the ids around the page
 */
export function cut(rows, { after, before }) {
  const more = rows.length > PAGE;
  return before
    ? { rows: more ? rows.slice(1) : rows, previous: more, next: true }
    : { rows: rows.slice(0, PAGE), previous: after !== "", next: more };
}

/**
 * @param {{first: string | null, previous?: string | null, next: string | null}} urls null for a page that does not exist;
 *   no `previous` where the server only pages forward
 */
export function pager({ first, previous, next }) {
  if (!first && !previous && !next) return null;
  const to = (/** @type {string | null} */ url, /** @type {string} */ text, /** @type {string | null} */ rel = null) =>
    url ? h("a", { href: url, rel }, text) : h("span", { class: "faint" }, text);
  return h("nav", { class: "pager", "aria-label": "Pages" },
    to(first, "« First"), previous !== undefined && to(previous, "‹ Previous", "prev"), to(next, "Next ›", "next"));
}
