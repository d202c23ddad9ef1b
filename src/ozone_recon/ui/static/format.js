// Formats numbers for people; the exact value belongs in the element's title.

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
const grouped = new Intl.NumberFormat("en");

/** Bytes in binary units, three significant digits. @param {number} n */
export function bytes(n) {
  let unit = 0;
  let value = n;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${n} B` : `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ${UNITS[unit]}`;
}

/** A count with grouped thousands. @param {number} n */
export function count(n) {
  return grouped.format(n);
}

/** A duration in the largest unit that fits. @param {number} ms */
export function age(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  for (const [unit, size] of /** @type {[string, number][]} */ ([["y", 31557600], ["mo", 2629800], ["d", 86400], ["h", 3600], ["min", 60]])) {
    if (seconds >= size) return `${Math.floor(seconds / size)} ${unit}`;
  }
  return `${seconds} s`;
}

const LAST_DATE = 8.64e15;

/** A point in time as ISO 8601, or as a number where it is beyond JavaScript's date range. @param {number} ms since 1970 */
export function iso(ms) {
  return Math.abs(ms) <= LAST_DATE ? new Date(ms).toISOString() : `${ms} ms`;
}

/** A point in time, UTC. @param {number} ms since 1970 */
export function time(ms) {
  return Math.abs(ms) <= LAST_DATE ? `${iso(ms).replace("T", " ").replace(/\.\d+Z$/, "")} UTC` : iso(ms);
}

/** A share of a whole. @param {number} part @param {number} whole */
export function percent(part, whole) {
  return whole > 0 ? `${((100 * part) / whole).toFixed(part / whole < 0.1 ? 1 : 0)} %` : "";
}

/**
 * A count with its noun and verb: `things(1, "disk", "have failed")` is "1 disk has failed".
 * @param {number} n @param {string} noun @param {string} [verb] a phrase in the plural that begins with its verb
 */
export function things(n, noun, verb = "") {
  const phrase = n === 1 ? verb.replace(/^have\b/, "has").replace(/^are\b/, "is").replace(/^need\b/, "needs") : verb;
  return `${count(n)} ${noun}${n === 1 ? "" : "s"}${phrase && ` ${phrase}`}`;
}
