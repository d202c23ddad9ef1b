// The namespace explorer: what fills the cluster, a bucket, a directory; from "/" down.

import { ApiError, get } from "../api.js";
import { h } from "../dom.js";
import { age, bytes, count, percent, time } from "../format.js";
import { barChart } from "../parts/bars.js";
import { notice } from "../parts/notice.js";
import { table } from "../parts/table.js";
import { treemap } from "../parts/treemap.js";

export const name = "namespace";
export const title = "Namespace";

/** Rows asked of the server; what is left out is counted and said. */
const LIMIT = 500;

/** @typedef {{name: string, path: string, isKey: boolean, kind: string, size: number, replicated: number, files: number, directories: number, owner: string, newest: number}} Entry */

const MEASURES = /** @type {const} */ ({
  size: { title: "Size", of: (/** @type {Entry} */ e) => e.size, text: bytes },
  replicated: { title: "Replicated size", of: (/** @type {Entry} */ e) => e.replicated, text: bytes },
  files: { title: "Files", of: (/** @type {Entry} */ e) => e.files, text: count },
});

/** @typedef {{path: string, by: keyof typeof MEASURES, sort: string, descending: boolean, filter: string}} State */

/** @param {URLSearchParams} parameters @returns {State} */
function stateOf(parameters) {
  const by = parameters.get("by") ?? "size";
  return {
    path: parameters.get("path") || "/",
    by: by in MEASURES ? /** @type {keyof typeof MEASURES} */ (by) : "size",
    sort: parameters.get("sort") ?? "size",
    descending: parameters.get("order") !== "asc",
    filter: parameters.get("filter") ?? "",
  };
}

/** The URL of a state; what is as it is at first is left out. @param {State} state */
function urlOf(state) {
  const parameters = new URLSearchParams({ path: state.path });
  if (state.by !== "size") parameters.set("by", state.by);
  if (state.sort !== "size") parameters.set("sort", state.sort);
  if (!state.descending) parameters.set("order", "asc");
  if (state.filter) parameters.set("filter", state.filter);
  return `#/namespace?${parameters}`;
}

/** @param {any} sub one of the answer's subPaths @param {string} parent @returns {Entry} */
function entryOf(sub, parent) {
  const path = sub.path.startsWith("/") ? sub.path : `${parent === "/" ? "" : parent}/${sub.path}`;
  return {
    name: path.slice(parent === "/" ? 1 : parent.length + 1),
    path,
    isKey: sub.isKey,
    kind: sub.kind ?? "",
    size: sub.size,
    replicated: sub.sizeWithReplica,
    files: sub.isKey ? 1 : sub.files ?? 0,
    directories: sub.directories ?? 0,
    owner: sub.owner ?? "",
    newest: sub.newestModification ?? 0,
  };
}

/** @param {HTMLElement} main @param {URLSearchParams} parameters @param {AbortSignal} signal */
export async function show(main, parameters, signal) {
  const state = stateOf(parameters);
  document.title = `${state.path} · Recon`;
  addEventListener("keydown", (event) => keys(event, state), { signal });
  await load(main, state, signal);
}

/** Asks for what the page shows, and says what it waits for. @param {HTMLElement} main @param {State} state @param {AbortSignal} signal */
async function load(main, state, signal) {
  const again = () => load(main, state, signal);
  const slow = setTimeout(() => main.replaceChildren(trail(state), notice("loading", "Loading…")), 150);
  try {
    const path = { path: state.path };
    const [usage, summary, quota, dist, owners, ages] = await Promise.all([
      get("namespace/usage", { ...path, files: true, replica: true, sortSubPaths: true, limit: LIMIT }, signal),
      get("namespace/summary", path, signal),
      get("namespace/quota", path, signal),
      get("namespace/dist", path, signal),
      get("namespace/owners", path, signal),
      get("namespace/ages", path, signal),
    ]);
    clearTimeout(slow);
    if (signal.aborted) return;
    if (usage.status === "INITIALIZING") {
      main.replaceChildren(trail(state), notice("waiting", "Recon is building its first index of the Ozone Manager's database. This page shows it as soon as it is there."));
      const timer = setTimeout(again, 2000);
      signal.addEventListener("abort", () => clearTimeout(timer));
    } else if (usage.status === "PATH_NOT_FOUND") {
      main.replaceChildren(trail(state), notice("empty", `There is nothing at ${state.path} in the Ozone Manager's database that Recon has indexed.`));
    } else {
      draw(main, state, { usage, summary, quota, dist, owners, ages }, signal);
    }
  } catch (error) {
    clearTimeout(slow);
    if (signal.aborted) return;
    const text = error instanceof ApiError ? error.message : `Recon's server does not answer (${error}).`;
    main.replaceChildren(trail(state), notice("error", text, again));
  }
}

/** @param {HTMLElement} main @param {State} state @param {any} answers @param {AbortSignal} signal */
function draw(main, state, answers, signal) {
  const { usage, summary, quota, dist, owners, ages } = answers;
  const entries = /** @type {Entry[]} */ (usage.subPaths.map((/** @type {any} */ sub) => entryOf(sub, state.path.replace(/\/+$/, "") || "/")));
  const content = h("div", { class: "explorer" });
  const refresh = () => {
    const kept = entries.filter((entry) => entry.name.toLowerCase().includes(state.filter.toLowerCase()));
    content.replaceChildren(
      map(kept, state, entries.length === 0 && summary.type === "KEY"),
      listing(kept, state, usage, (sort) => { Object.assign(state, { sort: sort.by, descending: sort.descending }); remember(state); refresh(); }),
    );
  };
  main.replaceChildren(
    trail(state),
    facts(usage, summary, quota),
    controls(state, () => { remember(state); refresh(); }),
    content,
    h("div", { class: "cards" },
      barChart("File sizes", dist.status === "OK" ? histogram(dist.dist) : [], "No files."),
      barChart("Owners", (owners.owners ?? []).slice(0, 8).map((/** @type {any} */ o) => ({ label: o.owner || "(none)", value: o.size, text: bytes(o.size), title: `${count(o.files)} files, ${count(o.size)} bytes` }))),
      barChart("Last modified", monthly(ages.months ?? []))),
  );
  refresh();
  addEventListener("resize", refresh, { signal });
}

/** Keeps the state in the URL without a step in the history. @param {State} state */
function remember(state) {
  history.replaceState(null, "", urlOf(state));
}

/** The path as links, each part leading there. @param {State} state */
function trail(state) {
  const parts = state.path.split("/").filter(Boolean);
  const links = parts.map((part, i) => h("li", {}, i === parts.length - 1
    ? h("span", { "aria-current": "page" }, part)
    : h("a", { href: urlOf({ ...state, filter: "", path: `/${parts.slice(0, i + 1).join("/")}` }) }, part)));
  const input = h("input", { name: "path", value: state.path, "aria-label": "Go to path", spellcheck: "false", autocomplete: "off" });
  const go = (/** @type {Event} */ event) => {
    event.preventDefault();
    location.hash = urlOf({ ...state, filter: "", path: input.value.startsWith("/") ? input.value : `/${input.value}` });
  };
  return h("div", { class: "trail" },
    h("nav", { "aria-label": "Path" }, h("ol", {}, h("li", {}, h("a", { href: urlOf({ ...state, filter: "", path: "/" }) }, "/")), links)),
    h("form", { onsubmit: go }, input, h("button", { type: "submit" }, "Go")));
}

/** The numbers of the place itself. @param {any} usage @param {any} summary @param {any} quota */
function facts(usage, summary, quota) {
  const stats = summary.countStats ?? {};
  const info = summary.objectInfo ?? {};
  const fact = (/** @type {string} */ label, /** @type {string} */ value, /** @type {string} */ exact = "") =>
    h("div", { title: exact }, h("dt", {}, label), h("dd", {}, value));
  const number = (/** @type {string} */ label, /** @type {number | undefined} */ value) =>
    value !== undefined && value >= 0 && fact(label, count(value));
  return h("dl", { class: "facts" },
    fact("Type", String(summary.type).toLowerCase()),
    fact("Size", bytes(usage.size), `${count(usage.size)} bytes`),
    fact("Replicated", bytes(Math.max(0, usage.sizeWithReplica)), `${count(usage.sizeWithReplica)} bytes on disks`),
    number("Volumes", stats.numVolume), number("Buckets", stats.numBucket), number("Directories", stats.numDir),
    summary.type !== "KEY" && number("Files", stats.numKey),
    info.bucketLayout && fact("Layout", { FILE_SYSTEM_OPTIMIZED: "FSO", OBJECT_STORE: "OBS" }[/** @type {string} */ (info.bucketLayout)] ?? info.bucketLayout, info.bucketLayout),
    info.owner && fact("Owner", info.owner),
    info.sourceBucket && fact("Link to", `/${info.sourceVolume}/${info.sourceBucket}`),
    quota.status === "OK" && quota.allowed > 0 && fact("Quota", `${percent(quota.used, quota.allowed)} of ${bytes(quota.allowed)}`, `${count(quota.used)} of ${count(quota.allowed)} bytes`),
    info.modificationTime > 0 && fact("Modified", `${age(Date.now() - info.modificationTime)} ago`, time(info.modificationTime)));
}

/** @param {State} state @param {() => void} changed */
function controls(state, changed) {
  const choices = Object.entries(MEASURES).map(([id, measure]) => h("label", {},
    h("input", { type: "radio", name: "by", value: id, checked: id === state.by, onchange: () => { state.by = /** @type {keyof typeof MEASURES} */ (id); changed(); } }),
    measure.title));
  const filter = h("input", { type: "search", id: "filter", placeholder: "Filter names  ( / )", value: state.filter, "aria-label": "Filter names",
    oninput: () => { state.filter = filter.value; changed(); } });
  return h("div", { class: "controls" }, h("fieldset", {}, h("legend", {}, "Area shows"), choices), filter,
    h("p", { class: "legend", "aria-hidden": "true" }, "Modified ", ["new", "week", "month", "year", "old"].map((tone, i) =>
      h("span", { class: `chip ${tone}` }, ["< 1 d", "< 1 w", "< 1 mo", "< 1 y", "older"][i]))));
}

/** @param {Entry} entry */
function tone(entry) {
  if (!entry.newest) return "empty";
  const days = (Date.now() - entry.newest) / 86400000;
  return days < 1 ? "new" : days < 7 ? "week" : days < 30 ? "month" : days < 365 ? "year" : "old";
}

/** @param {Entry[]} entries @param {State} state @param {boolean} isKey */
function map(entries, state, isKey) {
  const measure = MEASURES[state.by];
  const total = entries.reduce((sum, entry) => sum + measure.of(entry), 0);
  if (isKey || total === 0) {
    return notice("empty", isKey ? "This is a key: it has nothing beneath it." : "Nothing to draw: no entry here has any.");
  }
  const width = Math.max(320, Math.min(document.documentElement.clientWidth - 48, 1560));
  return treemap(entries.map((entry) => ({
    label: entry.name,
    detail: measure.text(measure.of(entry)),
    title: `${entry.path}: ${bytes(entry.size)}, replicated ${bytes(entry.replicated)}, ${count(entry.files)} files, ${percent(measure.of(entry), total)}`,
    value: measure.of(entry),
    href: urlOf({ ...state, path: entry.path, filter: "" }),
    tone: tone(entry),
  })), width, Math.round(Math.min(380, width * 0.55)));
}

/** @param {Entry[]} entries @param {State} state @param {any} usage @param {(sort: import("../parts/table.js").Sort) => void} onSort */
function listing(entries, state, usage, onSort) {
  const missing = usage.subPathCount - usage.subPaths.length;
  const total = Math.max(1, usage.size);
  return table({
    caption: missing > 0
      ? `The ${count(usage.subPaths.length)} largest of ${count(usage.subPathCount)} entries; ${count(missing)} smaller ones are not listed.`
      : `${count(entries.length)} of ${count(usage.subPathCount)} entries`,
    rows: entries,
    sort: { by: state.sort, descending: state.descending },
    onSort,
    columns: [
      { id: "name", title: "Name", order: (e) => e.name, cell: (e) => h("a", { href: urlOf({ ...state, path: e.path, filter: "" }), class: e.isKey ? "key" : "directory" }, e.name) },
      { id: "size", title: "Size", number: true, order: (e) => e.size, cell: (e) => bytes(e.size), exact: (e) => `${count(e.size)} bytes` },
      { id: "share", title: "Share", number: true, order: (e) => e.size, cell: (e) => percent(e.size, total) },
      { id: "replicated", title: "Replicated", number: true, order: (e) => e.replicated, cell: (e) => bytes(e.replicated), exact: (e) => `${count(e.replicated)} bytes on disks` },
      { id: "files", title: "Files", number: true, order: (e) => e.files, cell: (e) => count(e.files) },
      { id: "directories", title: "Directories", number: true, order: (e) => e.directories, cell: (e) => (e.isKey ? "" : count(e.directories)) },
      { id: "newest", title: "Last modified", number: true, order: (e) => e.newest, cell: (e) => (e.newest ? `${age(Date.now() - e.newest)} ago` : ""), exact: (e) => (e.newest ? time(e.newest) : "") },
      { id: "owner", title: "Owner", order: (e) => e.owner, cell: (e) => e.owner },
    ],
  });
}

/** @param {number[]} dist counts of the bins up to 1 KiB, 2 KiB, 4 KiB … */
function histogram(dist) {
  const first = dist.findIndex((n) => n > 0);
  const last = dist.findLastIndex((n) => n > 0);
  return first < 0 ? [] : dist.slice(first, last + 1).map((n, i) => ({
    label: `≤ ${bytes(2 ** (10 + first + i))}`, value: n, text: count(n),
  }));
}

/** @param {{month: string, files: number, size: number}[]} months */
function monthly(months) {
  return months.slice(-12).reverse().map((m) => ({ label: m.month, value: m.size, text: bytes(m.size), title: `${count(m.files)} files, ${count(m.size)} bytes` }));
}

/** @param {KeyboardEvent} event @param {State} state */
function keys(event, state) {
  const typing = event.target instanceof HTMLInputElement && event.target.type !== "radio";
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") {
    document.getElementById("filter")?.focus();
    event.preventDefault();
  } else if (event.key === "Backspace" || event.key === "u") {
    const parent = state.path.replace(/\/+$/, "").replace(/\/[^/]*$/, "") || "/";
    if (state.path !== "/") location.hash = urlOf({ ...state, path: parent, filter: "" });
  } else if (event.key === "ArrowDown" && document.activeElement === document.body) {
    /** @type {HTMLElement | null} */ (document.querySelector("tbody a"))?.focus();
    event.preventDefault();
  }
}
