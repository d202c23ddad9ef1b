// The application shell: routing, menu, theme, keyboard shortcuts and data age.

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
 * A page renders into `main` from the URL's parameters until `signal` aborts it.
 * @typedef {{name: string, title: string, show: (main: HTMLElement, parameters: URLSearchParams, signal: AbortSignal) => Promise<void>}} Page
 */

/** @type {Page[]} */
const PAGES = [overview, datanodes, containers, pipelines, namespace, tasks];

/** @param {string} id */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

let current = new AbortController();

async function route() {
  current.abort();
  current = new AbortController();
  const signal = current.signal;
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

/** The start page: the overview, or the namespace where no cluster is followed. */
async function home() {
  if (!freshness()) await get("task/status").catch(() => null);
  return freshness()?.followsCluster ? overview : namespace;
}

function showFreshness() {
  const latest = freshness();
  if (!latest) return;
  const since = Date.now() - latest.receivedAt;
  const { sequenceNumber, ageMs, clusterAgeMs, scmAgeMs, user } = latest;
  const parts = [
    ageMs !== null && ["OM at ", h("b", {}, count(sequenceNumber ?? 0)), `, ${age(ageMs + since)} old`],
    clusterAgeMs !== null && [`datanodes ${age(clusterAgeMs + since)}`],
    scmAgeMs !== null && [`SCM ${age(scmAgeMs + since)}`],
    user && [`user ${user}`],
  ].filter((part) => part !== false && part !== "");
  element("freshness").replaceChildren(...parts.flatMap((part, i) => (i ? [" · ", ...part] : part)));
  element("freshness").title = "Age of the data: OM's database at this sequence number, the datanodes' reports, and the last full read of SCM";
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
  const theme = document.documentElement.dataset.theme ?? "system";
  setTheme(THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]);
});
setTheme(localStorage.getItem("theme") ?? "system");
onFreshness(showFreshness);
setInterval(() => { showFreshness(); tick(); }, 1000);
addEventListener("keydown", keys);
addEventListener("hashchange", route);
route();
