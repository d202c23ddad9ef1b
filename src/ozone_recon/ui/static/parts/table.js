// A sortable table over rows already here; a header's click sorts, and tells the page, which keeps it in the URL.

import { h } from "../dom.js";

/**
 * @template R
 * @typedef {object} Column
 * @property {string} id
 * @property {string} title
 * @property {(row: R) => string | Node} cell
 * @property {(row: R) => string | number} order what the column sorts by
 * @property {(row: R) => string} [exact] the exact value, shown when pointed at
 * @property {boolean} [number] right-aligned, largest first when first chosen
 */

/** @typedef {{by: string, descending: boolean}} Sort */

/**
 * @template R
 * @param {R[]} rows @param {Column<R>[]} columns @param {Sort} sort
 * @returns {R[]} a sorted copy; equal rows keep their order
 */
export function sorted(rows, columns, sort) {
  const column = columns.find((candidate) => candidate.id === sort.by) ?? columns[0];
  const sign = sort.descending ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [x, y] = [column.order(a), column.order(b)];
    return x < y ? -sign : x > y ? sign : 0;
  });
}

/**
 * @template R
 * @param {object} options
 * @param {string} options.caption
 * @param {R[]} options.rows
 * @param {Column<R>[]} options.columns
 * @param {Sort} options.sort
 * @param {(sort: Sort) => void} options.onSort
 */
export function table({ caption, rows, columns, sort, onSort }) {
  const head = columns.map((column) => {
    const active = column.id === sort.by;
    const next = { by: column.id, descending: active ? !sort.descending : column.number === true };
    return h("th", { scope: "col", class: column.number && "number", "aria-sort": active && (sort.descending ? "descending" : "ascending") },
      h("button", { type: "button", onclick: () => onSort(next) }, column.title, active && h("span", { class: "arrow", "aria-hidden": "true" }, sort.descending ? "▼" : "▲")));
  });
  const body = sorted(rows, columns, sort).map((row) => h("tr", {}, columns.map((column) =>
    h("td", { class: column.number && "number", title: column.exact?.(row) }, column.cell(row)))));
  return h("table", { onkeydown: walk }, h("caption", {}, caption), h("thead", {}, h("tr", {}, head)), h("tbody", {}, body));
}

/** Up and down arrows, Home and End move between the rows' links. @param {KeyboardEvent} event */
function walk(event) {
  const links = /** @type {HTMLElement[]} */ ([.../** @type {Element} */ (event.currentTarget).querySelectorAll("tbody a")]);
  const here = links.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  const to = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: links.length - 1 }[event.key];
  if (here >= 0 && to !== undefined && links[to]) {
    links[to].focus();
    event.preventDefault();
  }
}
