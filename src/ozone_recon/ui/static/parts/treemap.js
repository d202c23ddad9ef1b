// A squarified treemap (Bruls, Huizing, van Wijk): a tile's area is its share, its colour its age.

import { s } from "../dom.js";
import { count } from "../format.js";

/** @typedef {{x: number, y: number, width: number, height: number}} Box */

/**
 * Lays values out as boxes with proportional areas and aspect ratios near 1. Fills the shorter side row by row: a value
 * joins the row while that improves the row's worst aspect ratio.
 * @param {number[]} values positive, descending
 * @param {Box} box
 * @returns {Box[]} one box per value
 */
export function squarify(values, box) {
  const boxes = /** @type {Box[]} */ ([]);
  let { x, y, width, height } = box;
  let left = values.reduce((sum, value) => sum + value, 0);
  for (let start = 0; start < values.length; ) {
    const short = Math.min(width, height);
    const scale = (width * height) / left;
    let end = start;
    let sum = 0;
    let worst = Infinity;
    while (end < values.length) {
      const next = sum + values[end];
      const side = (next * scale) / short;
      const ratio = Math.max((values[start] * scale) / side ** 2, side ** 2 / (values[end] * scale));
      if (ratio > worst) break;
      worst = ratio;
      sum = next;
      end++;
    }
    const side = (sum * scale) / short;
    let along = 0;
    for (; start < end; start++) {
      const length = (values[start] * scale) / side;
      boxes.push(width < height
        ? { x: x + along, y, width: length, height: side }
        : { x, y: y + along, width: side, height: length });
      along += length;
    }
    if (width < height) { y += side; height -= side; } else { x += side; width -= side; }
    left -= sum;
  }
  return boxes;
}

/**
 * @typedef {object} Tile
 * @property {string} label
 * @property {string} detail a second line
 * @property {string} title the tooltip and accessible name
 * @property {number} value
 * @property {string | null} href null for a tile without a page
 * @property {string} tone CSS class that gives the colour
 */

/**
 * Draws tiles into an SVG of the given size in CSS pixels. Entries that are too small to see or not listed by the server
 * share one tile, "n others".
 * @param {Tile[]} tiles @param {{count: number, value: number}} unlisted @param {(value: number) => string} text
 * @param {number} width @param {number} height
 */
export function treemap(tiles, unlisted, text, width, height) {
  const drawn = tiles.filter((tile) => tile.value > 0).sort((a, b) => b.value - a.value);
  const total = drawn.reduce((sum, tile) => sum + tile.value, unlisted.value);
  const visible = drawn.filter((tile) => (tile.value / total) * width * height >= 36);
  const small = drawn.slice(visible.length);
  const others = small.length + unlisted.count;
  const value = small.reduce((sum, tile) => sum + tile.value, unlisted.value);
  const shown = value === 0 ? visible : [...visible, {
    label: `${count(others)} others`, detail: text(value), title: `${count(others)} other entries: ${text(value)}`, href: null, tone: "others", value,
  }].sort((a, b) => b.value - a.value);
  const boxes = squarify(shown.map((tile) => tile.value), { x: 0, y: 0, width, height });
  return s("svg", { viewBox: `0 0 ${width} ${height}`, class: "treemap", role: "group", "aria-label": "Treemap" },
    shown.map((tile, i) => draw(tile, boxes[i])));
}

/** @param {Tile} tile @param {Box} box */
function draw(tile, box) {
  const letters = Math.floor((box.width - 12) / 7.2);
  const label = tile.label.length <= letters ? tile.label : `${tile.label.slice(0, Math.max(0, letters - 1))}…`;
  const inside = [
    s("title", {}, tile.title),
    s("rect", { x: box.x + 1, y: box.y + 1, width: Math.max(0, box.width - 2), height: Math.max(0, box.height - 2), rx: 3 }),
    letters >= 3 && box.height >= 22 && s("text", { x: box.x + 8, y: box.y + 18, class: "label" }, label),
    letters >= tile.detail.length && box.height >= 40 && s("text", { x: box.x + 8, y: box.y + 34, class: "detail" }, tile.detail),
  ];
  return tile.href === null
    ? s("g", { class: `tile ${tile.tone}` }, inside)
    : s("a", { href: tile.href, class: `tile ${tile.tone}`, "aria-label": tile.title }, inside);
}
