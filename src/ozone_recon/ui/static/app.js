// The shell: which page the URL names, the menu, the theme, keys, and how old the data is.

import { freshness, get, onFreshness } from "./api.js";
import { h } from "./dom.js";
import { age, count } from "./format.js";
import { refresh } from "./live.js";
import * as containers from "./pages/containers.js";
import * as datanodes from "./pages/datanodes.js";
import * as namespace from "./pages/namespace.js";
import * as overview from "./pages/overview.js";
import * as pipelines from "./pages/pipelines.js";
import * as tasks from "./pages/tasks.js";
import { tick } from "./parts/since.js";

/**
 * A page draws itself into `main` for the parameters in the URL, and stops when told by `signal`.
 * @typedef {{name: string, title: string, show: (main: HTMLElement, parameters: URLSearchParams, signal: AbortSignal) => Promise<void>}} Page
 */

/** @type {Page[]} */
const PAGES = [overview, datanodes, containers, pipelines, namespace, tasks];

/** @param {string} id */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

let leaving = new AbortController();

async function route() {
  leaving.abort();
  leaving = new AbortController();
  const signal = leaving.signal;
  const [name, query = ""] = location.hash.replace(/^#\//, "").split("?");
  const page = PAGES.find((candidate) => candidate.name === name) ?? (await home());
  if (signal.aborted) return;
  for (const link of element("nav").querySelectorAll("a")) {
    if (link.hash === `#/${page.name}`) {
      link.setAttribute("aria-current", "page");
      link.scrollIntoView({ block: "nearest", inline: "nearest" });
    } else link.removeAttribute("aria-current");
  }
  document.title = `${page.title} · Recon`;
  await page.show(element("main"), new URLSearchParams(query), signal);
}

/** The page to begin with. */
async function home() {
  if (!freshness()) await get("task/status").catch(() => null);
  return freshness()?.followsCluster ? overview : namespace;
}

function showFreshness() {
  const heard = freshness();
  if (!heard) return;
  const since = Date.now() - heard.receivedAt;
  const { sequenceNumber, ageMs, clusterAgeMs, scmAgeMs } = heard;
  const parts = [
    ageMs !== null && ["OM at ", h("b", {}, count(sequenceNumber ?? 0)), `, ${age(ageMs + since)} old`],
    clusterAgeMs !== null && [`datanodes ${age(clusterAgeMs + since)}`],
    scmAgeMs !== null && [`SCM ${age(scmAgeMs + since)}`],
  ].filter((part) => part !== false);
  element("freshness").replaceChildren(...parts.flatMap((part, i) => (i ? [" · ", ...part] : part)));
  element("freshness").title = "How old what is shown is: OM's database, by its sequence number; what datanodes said; when all of SCM was read";
}

const THEMES = ["system", "light", "dark"];

/** @param {string} theme */
function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  element("theme").textContent = { system: "◐ System", light: "☀ Light", dark: "☾ Dark" }[theme] ?? "";
  localStorage.setItem("theme", theme);
}

/** @param {KeyboardEvent} event */
function keys(event) {
  const typing = event.target instanceof HTMLInputElement && event.target.type !== "radio";
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const find = (/** @type {string} */ selector) => /** @type {HTMLElement | null} */ (element("main").querySelector(selector));
  if (event.key === "/") {
    find("#filter")?.focus();
    event.preventDefault();
  } else if (event.key === "ArrowDown" && document.activeElement === document.body) {
    find("tbody a")?.focus();
    event.preventDefault();
  } else if (event.key === "n") {
    find("a[rel=next]")?.click();
  } else if (event.key === "p") {
    find("a[rel=prev]")?.click();
  } else if (event.key === "r") {
    refresh();
  }
}

element("nav").append(...PAGES.map((page) => h("a", { href: `#/${page.name}` }, page.title)), h("a", { href: "docs" }, "API"));
element("refresh").addEventListener("click", () => refresh());
element("theme").addEventListener("click", () => {
  const current = document.documentElement.dataset.theme ?? "system";
  setTheme(THEMES[(THEMES.indexOf(current) + 1) % THEMES.length]);
});
setTheme(localStorage.getItem("theme") ?? "system");
onFreshness(showFreshness);
setInterval(() => { showFreshness(); tick(); }, 1000);
addEventListener("keydown", keys);
addEventListener("hashchange", route);
route();
