// Pages of a listing that the server cuts by a cursor: which numbers are on this one, and links to those beside it.

import { h } from "../dom.js";

/** As many rows are on a page. */
export const PAGE = 50;

/**
 * Cuts what was asked for, a page and one row more, into a page, and says whether there are pages beside it.
 * @template R
 * @param {R[]} rows @param {{after: string, before: string}} cursor where the page begins, or ends
 */
export function cut(rows, { after, before }) {
  const more = rows.length > PAGE;
  return before
    ? { rows: more ? rows.slice(1) : rows, previous: more, next: true }
    : { rows: rows.slice(0, PAGE), previous: after !== "", next: more };
}

/**
 * @param {{first: string | null, previous?: string | null, next: string | null}} urls null for a page that there is not;
 *   no `previous` where the server can only go on
 */
export function pager({ first, previous, next }) {
  if (!first && !previous && !next) return null;
  const to = (/** @type {string | null} */ url, /** @type {string} */ text, /** @type {string | null} */ rel = null) =>
    url ? h("a", { href: url, rel }, text) : h("span", { class: "faint" }, text);
  return h("nav", { class: "pager", "aria-label": "Pages" },
    to(first, "« First"), previous !== undefined && to(previous, "‹ Previous", "prev"), to(next, "Next ›", "next"));
}
