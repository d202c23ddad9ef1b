// The shell: which page the URL names, the menu, the theme, and how old the data is.

import { onFreshness } from "./api.js";
import { h } from "./dom.js";
import { age, count } from "./format.js";
import * as namespace from "./pages/namespace.js";

/**
 * A page draws itself into `main` for the parameters in the URL, and stops when told by `signal`.
 * @typedef {{name: string, title: string, show: (main: HTMLElement, parameters: URLSearchParams, signal: AbortSignal) => Promise<void>}} Page
 */

/** @type {Page[]} */
const PAGES = [namespace];
const HOME = namespace;

/** @param {string} id */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

let leaving = new AbortController();

async function route() {
  leaving.abort();
  leaving = new AbortController();
  const [name, query = ""] = location.hash.replace(/^#\//, "").split("?");
  const page = PAGES.find((candidate) => candidate.name === name) ?? HOME;
  for (const link of element("nav").querySelectorAll("a")) {
    if (link.hash.startsWith(`#/${page.name}`)) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  await page.show(element("main"), new URLSearchParams(query), leaving.signal);
}

/** @type {import("./api.js").Freshness | null} */
let freshness = null;

function showFreshness() {
  if (freshness === null) return;
  const ms = freshness.ageMs + Date.now() - freshness.receivedAt;
  element("freshness").replaceChildren("OM at ", h("b", {}, count(freshness.sequenceNumber)), `, ${age(ms)} old`);
  element("freshness").title = "Sequence number of the OM database that every number on this page is taken from, and its age";
}

const THEMES = ["system", "light", "dark"];

/** @param {string} theme */
function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  element("theme").textContent = { system: "◐ System", light: "☀ Light", dark: "☾ Dark" }[theme] ?? "";
  localStorage.setItem("theme", theme);
}

element("nav").append(...PAGES.map((page) => h("a", { href: `#/${page.name}` }, page.title)), h("a", { href: "docs" }, "API"));
element("theme").addEventListener("click", () => {
  const current = document.documentElement.dataset.theme ?? "system";
  setTheme(THEMES[(THEMES.indexOf(current) + 1) % THEMES.length]);
});
setTheme(localStorage.getItem("theme") ?? "system");
onFreshness((newest) => { freshness = newest; showFreshness(); });
setInterval(showFreshness, 1000);
addEventListener("hashchange", route);
route();
