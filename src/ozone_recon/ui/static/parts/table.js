// A sortable table; the page keeps the sort order in its URL.

import { h } from "../dom.js";
import { count } from "../format.js";

/** The maximum number of rows before "show all". */
const MAX_ROWS = 200;

/**
 * @template R
 * @typedef {object} Column
 * @property {string} id
 * @property {string} title
 * @property {(row: R) => import("../dom.js").Child | import("../dom.js").Child[]} cell
 * @property {(row: R) => string | number} [order] the sort key; a column without one is not sortable
 * @property {(row: R) => string} [exact] the tooltip with the exact value
 * @property {boolean} [number] right-aligned; sorts descending first
 */

/** @typedef {{by: string, descending: boolean}} Sort */

/**
 * @template R
 * @param {R[]} rows @param {Column<R>[]} columns @param {Sort} sort
 * @returns {R[]} sorted stably
 */
export function sorted(rows, columns, sort) {
  const order = columns.find((candidate) => candidate.id === sort.by)?.order;
  if (!order) return rows;
  const sign = sort.descending ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [x, y] = [order(a), order(b)];
    return x < y ? -sign : x > y ? sign : 0;
  });
}

/**
 * @template R
 * @param {object} options
 * @param {string} options.caption
 * @param {R[]} options.rows
 * @param {Column<R>[]} options.columns
 * @param {Sort} [options.sort] without it the rows keep their order
 * @param {(sort: Sort) => void} [options.onSort]
 * @param {string} [options.allUrl] the URL that shows all rows; without it all rows are shown
 */
export function table({ caption, rows, columns, sort = { by: "", descending: false }, onSort = () => {}, allUrl }) {
  const head = columns.map((column) => {
    if (!column.order) return h("th", { scope: "col", class: column.number && "number" }, column.title);
    const active = column.id === sort.by;
    const next = { by: column.id, descending: active ? !sort.descending : column.number === true };
    return h("th", { scope: "col", class: column.number && "number", "aria-sort": active && (sort.descending ? "descending" : "ascending") },
      h("button", { type: "button", id: `by-${column.id}`, onclick: () => onSort(next) }, column.title, active && h("span", { class: "arrow", "aria-hidden": "true" }, sort.descending ? "▼" : "▲")));
  });
  const shown = allUrl ? sorted(rows, columns, sort).slice(0, MAX_ROWS) : sorted(rows, columns, sort);
  const body = shown.map((row) => h("tr", {}, columns.map((column) =>
    h("td", { class: column.number && "number", title: column.exact?.(row) }, column.cell(row)))));
  const foot = allUrl && shown.length < rows.length && h("tfoot", {}, h("tr", {}, h("td", { colspan: columns.length },
    `The first ${count(shown.length)} in this order; `, h("a", { href: allUrl }, `show all ${count(rows.length)}`))));
  return h("table", { onkeydown: walk }, h("caption", {}, caption), h("thead", {}, h("tr", {}, head)), h("tbody", {}, body), foot);
}

/** Arrow keys, Home and End move between the rows' links. @param {KeyboardEvent} event */
function walk(event) {
  const links = /** @type {HTMLElement[]} */ ([.../** @type {Element} */ (event.currentTarget).querySelectorAll("tbody td:first-child a")]);
  const here = links.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  const to = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: links.length - 1 }[event.key];
  if (here >= 0 && to !== undefined && links[to]) {
    links[to].focus();
    event.preventDefault();
  }
}
