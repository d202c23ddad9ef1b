// A state badge: text with a sign and a colour; the sign alone is enough without the colour.

import { h } from "../dom.js";

/** @typedef {"ok" | "busy" | "warn" | "bad" | "idle"} Tone */

const SIGNS = { ok: "✓", busy: "↻", warn: "!", bad: "✕", idle: "–" };

/** @param {Tone} tone @param {string} text @param {string} [title] */
export function badge(tone, text, title) {
  return h("span", { class: `badge ${tone}`, title }, sign(tone), text);
}

/** The sign alone. @param {Tone} tone */
export function sign(tone) {
  return h("span", { class: `sign ${tone}`, "aria-hidden": "true" }, SIGNS[tone]);
}

/** A state's name as people read it. @param {string} name such as UNDER_REPLICATED */
export function words(name) {
  return name.charAt(0) + name.slice(1).toLowerCase().replaceAll("_", " ");
}
