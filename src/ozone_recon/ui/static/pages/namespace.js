// The namespace explorer: disk usage of the cluster, a volume, a bucket or a directory.

import { ApiError, get, now } from "../api.js";
import { h, keepFocus, put } from "../dom.js";
import { age, bytes, count, percent, time } from "../format.js";
import { SOON, live, refresh } from "../live.js";
import { barChart } from "../parts/bars.js";
import { fact, facts } from "../parts/facts.js";
import { notice } from "../parts/notice.js";
import { since } from "../parts/since.js";
import { table } from "../parts/table.js";
import { trail } from "../parts/trail.js";
import { treemap } from "../parts/treemap.js";
import { remember, stateOf, urlOf } from "../state.js";

export const name = "namespace";
export const title = "Namespace";

/** The maximum number of entries per request; a larger directory shows the first entries of the order. */
const LIMIT = 500;

/** @typedef {{name: string, path: string, isKey: boolean, kind: string, size: number, replicated: number, files: number, directories: number, owner: string, newest: number}} Entry */

/** `all`: the total of the path, including entries that are not listed. */
const MEASURES = /** @type {const} */ ({
  size: { title: "Size", of: (/** @type {Entry} */ e) => e.size, all: (/** @type {Answers} */ a) => a.largest.size, text: bytes },
  replicated: { title: "Replicated size", of: (/** @type {Entry} */ e) => e.replicated, all: (/** @type {Answers} */ a) => a.largest.sizeWithReplica, text: bytes },
  files: { title: "Files", of: (/** @type {Entry} */ e) => e.files, all: (/** @type {Answers} */ a) => a.summary.countStats?.numKey ?? 0, text: count },
});

/** The server's `sort` value for each column and measure that it can order by. @type {Record<string, string>} */
const ORDERS = { name: "name", size: "size", share: "size", replicated: "replicatedSize", files: "files", newest: "modified" };

const FIRST = { path: "", by: "size", sort: "size", order: "desc", filter: "" };

/** @typedef {typeof FIRST} State */

/**
 * `largest`: the first entries by measure, for the treemap. `listed`: in the table's order; the same response if it is complete.
 * @typedef {{largest: any, listed: any, summary: any, quota: any, dist: any, owners: any, ages: any}} Answers
 */

/** @param {State} state */
const measureIn = (state) => /** @type {keyof typeof MEASURES} */ (state.by in MEASURES ? state.by : "size");

/** @param {Answers} answers */
const partial = ({ largest }) => largest.subPathCount > largest.subPaths.length && largest.subPaths.length > 0;

/** The URL of another path in the same view. @param {State} state @param {string} path */
const urlOfPath = (state, path) => urlOf(name, FIRST, { ...state, path, filter: "" });

/** @param {any} sub one of the answer's subPaths @param {string} parent @returns {Entry} */
function entryOf(sub, parent) {
  const before = parent === "/" ? "/" : `${parent}/`;
  const name = sub.path.startsWith(before) ? sub.path.slice(before.length) : sub.path;
  return {
    name,
    path: before + name,
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

/**
 * @typedef {{user: string, volumes: string[], buckets: string[]}} Owned
 * @param {HTMLElement} main @param {State} state @param {Owned} owned
 */
function drawOwned(main, state, { user, volumes, buckets }) {
  const list = (/** @type {string} */ title, /** @type {string[]} */ paths) =>
    paths.length > 0 && [h("h2", {}, title), h("ul", {}, paths.map((path) => h("li", {}, h("a", { href: urlOfPath(state, path) }, path))))];
  const nothing = !volumes.length && !buckets.length;
  put(
    main,
    breadcrumbs(state),
    nothing ? notice("empty", `${user} owns no volume and no bucket.`) : h("p", {}, `${user} may see these volumes and buckets, and nothing else.`),
    list("Volumes", volumes),
    list("Buckets", buckets),
  );
}

/**
 * The root is for administrators and readers; an owner starts from what it owns.
 * @param {State} state @param {AbortSignal} signal @param {() => Promise<Answers>} load
 * @returns {Promise<Answers | {owned: Owned}>}
 */
async function orOwned(state, signal, load) {
  try {
    return await load();
  } catch (error) {
    const refused = state.path === "/" && error instanceof ApiError && error.status === 403;
    const access = refused ? await get("access", {}, signal) : null;
    if (access?.access === "OWN") return { owned: access };
    throw error;
  }
}

/** @param {HTMLElement} main @param {URLSearchParams} parameters @param {AbortSignal} signal */
export async function show(main, parameters, signal) {
  const state = stateOf(FIRST, parameters);
  state.path ||= "/";
  document.title = `${state.path} · Recon`;
  addEventListener("keydown", (event) => keys(event, state), { signal });
  let fit = () => {};
  addEventListener("resize", () => fit(), { signal });
  const path = { path: state.path };
  await live({
    main,
    head: () => [breadcrumbs(state)],
    load: (signal) => orOwned(state, signal, async () => {
      const usage = (/** @type {string} */ sort, /** @type {string} */ order) =>
        get("namespace/usage", { ...path, files: true, replica: true, limit: LIMIT, sort, order }, signal);
      const by = ORDERS[measureIn(state)];
      const [largest, summary, quota, dist, owners, ages] = await Promise.all([
        usage(by, "desc"),
        get("namespace/summary", path, signal),
        get("namespace/quota", path, signal),
        get("namespace/dist", path, signal),
        get("namespace/owners", path, signal),
        get("namespace/ages", path, signal),
      ]);
      const answers = { largest, listed: largest, summary, quota, dist, owners, ages };
      const order = ORDERS[state.sort] ?? by;
      if (partial(answers) && (order !== by || state.order !== "desc")) answers.listed = await usage(order, state.order);
      return answers;
    }),
    draw: (answers) => {
      if ("owned" in answers) return drawOwned(main, state, answers.owned);
      if (answers.largest.status === "INITIALIZING") {
        put(main, breadcrumbs(state), notice("waiting", "Recon is building its first index of OM's database. This page updates when it is ready."));
        return SOON;
      }
      if (answers.largest.status === "PATH_NOT_FOUND") {
        return put(main, breadcrumbs(state), notice("empty", `Path not found: ${state.path} is not in the indexed OM database.`));
      }
      fit = draw(main, state, answers);
    },
  }, signal);
}

/** @param {HTMLElement} main @param {State} state @param {Answers} answers @returns {() => void} redraws for a new width */
function draw(main, state, answers) {
  const { largest, summary, quota, dist, owners, ages } = answers;
  const parent = state.path.replace(/\/+$/, "") || "/";
  const of = (/** @type {any} */ usage) => /** @type {Entry[]} */ (usage.subPaths.map((/** @type {any} */ sub) => entryOf(sub, parent)));
  const mapped = of(largest);
  const listed = answers.listed === largest ? mapped : of(answers.listed);
  const content = h("div", { class: "explorer listing" });
  const redraw = () => {
    const filtered = (/** @type {Entry[]} */ entries) => entries.filter((entry) => entry.name.toLowerCase().includes(state.filter.toLowerCase()));
    keepFocus(content, () => content.replaceChildren(
      map(filtered(mapped), state, answers),
      listing(filtered(listed), state, answers, (sort) => { Object.assign(state, { sort: sort.by, order: sort.descending ? "desc" : "asc" }); reordered(); }),
    ));
  };
  const changed = () => { remember(urlOf(name, FIRST, state)); redraw(); };
  const reordered = () => { changed(); if (partial(answers)) refresh(); };
  put(main,
    breadcrumbs(state),
    numbers(largest, summary, quota),
    controls(state, changed, reordered),
    content,
    h("div", { class: "cards" },
      quota.charged && barChart("Charged by OM", charged(quota.charged), "None."),
      barChart("File sizes", dist.status === "OK" ? histogram(dist.dist) : [], "No files."),
      barChart("Owners", (owners.owners ?? []).slice(0, 8).map((/** @type {any} */ o) => ({ label: o.owner || "(none)", value: o.size, text: bytes(o.size), title: `${count(o.files)} files, ${count(o.size)} bytes` }))),
      barChart("Last modified", monthly(ages.months ?? []))),
  );
  redraw();
  return redraw;
}

/** The path as links to its ancestors. @param {State} state */
function breadcrumbs(state) {
  const parts = ["", ...state.path.split("/").filter(Boolean)];
  const above = parts.slice(0, -1).map((part, i) => /** @type {[string, string]} */ ([part || "/", urlOfPath(state, parts.slice(0, i + 1).join("/") || "/")]));
  const input = h("input", { name: "path", value: state.path, "aria-label": "Go to path", spellcheck: "false", autocomplete: "off" });
  const go = (/** @type {Event} */ event) => {
    event.preventDefault();
    location.hash = urlOfPath(state, input.value.startsWith("/") ? input.value : `/${input.value}`);
  };
  return trail(above, parts.at(-1) || "/", h("form", { onsubmit: go }, input, h("button", { type: "submit" }, "Go")));
}

/** The totals of the path. @param {any} usage @param {any} summary @param {any} quota */
function numbers(usage, summary, quota) {
  const stats = summary.countStats ?? {};
  const info = summary.objectInfo ?? {};
  const number = (/** @type {string} */ label, /** @type {number | undefined} */ value) =>
    value !== undefined && value >= 0 && fact(label, count(value));
  return facts(
    fact("Type", String(summary.type).toLowerCase()),
    fact("Size", bytes(usage.size), `${count(usage.size)} bytes`),
    fact("Replicated", bytes(Math.max(0, usage.sizeWithReplica)), `${count(usage.sizeWithReplica)} bytes on disks`),
    number("Volumes", stats.numVolume), number("Buckets", stats.numBucket), number("Directories", stats.numDir),
    summary.type !== "KEY" && number("Files", stats.numKey),
    info.bucketLayout && fact("Layout", { FILE_SYSTEM_OPTIMIZED: "FSO", OBJECT_STORE: "OBS" }[/** @type {string} */ (info.bucketLayout)] ?? info.bucketLayout, info.bucketLayout),
    info.owner && fact("Owner", info.owner),
    info.sourceBucket && fact("Link to", `/${info.sourceVolume}/${info.sourceBucket}`),
    quota.status === "OK" && quota.allowed > 0 && fact("Quota", `${percent(quota.used, quota.allowed)} of ${bytes(quota.allowed)}`, `${count(quota.used)} of ${count(quota.allowed)} bytes`),
    info.modificationTime > 0 && fact("Modified", since(info.modificationTime, " ago")));
}

/** @param {State} state @param {() => void} changed @param {() => void} reordered */
function controls(state, changed, reordered) {
  const choices = Object.entries(MEASURES).map(([id, measure]) => h("label", {},
    h("input", { type: "radio", name: "by", value: id, checked: id === measureIn(state), onchange: () => { state.by = id; reordered(); } }),
    measure.title));
  const filter = h("input", { type: "search", id: "filter", placeholder: "Filter names  ( / )", value: state.filter, "aria-label": "Filter names",
    oninput: () => { state.filter = filter.value; changed(); } });
  return h("div", { class: "controls" }, h("fieldset", {}, h("legend", {}, "Tile area"), choices), filter,
    h("p", { class: "legend", "aria-hidden": "true" }, "Modified ", ["new", "week", "month", "year", "old"].map((tone, i) =>
      h("span", { class: `chip ${tone}` }, ["< 1 d", "< 1 w", "< 1 mo", "< 1 y", "older"][i]))));
}

/** @param {Entry} entry */
function tone(entry) {
  if (!entry.newest) return "empty";
  const days = (now() - entry.newest) / 86400000;
  return days < 1 ? "new" : days < 7 ? "week" : days < 30 ? "month" : days < 365 ? "year" : "old";
}

/** @param {Entry[]} entries @param {State} state @param {Answers} answers */
function map(entries, state, answers) {
  const measure = MEASURES[measureIn(state)];
  const drawn = entries.reduce((sum, entry) => sum + measure.of(entry), 0);
  if (answers.summary.type === "KEY") return notice("empty", "This is a key.");
  if (drawn === 0) return notice("empty", "No entry has a value to draw.");
  const all = measure.all(answers);
  const { subPathCount, subPaths } = answers.largest;
  const unlisted = partial(answers) && !state.filter ? { count: subPathCount - subPaths.length, value: all - drawn } : { count: 0, value: 0 };
  const width = Math.max(320, Math.min(document.documentElement.clientWidth - 48, 1560));
  return treemap(entries.map((entry) => ({
    label: entry.name,
    detail: measure.text(measure.of(entry)),
    title: `${entry.path}: ${bytes(entry.size)}, replicated ${bytes(entry.replicated)}, ${count(entry.files)} files, ${percent(measure.of(entry), all)}`,
    value: measure.of(entry),
    href: urlOfPath(state, entry.path),
    tone: tone(entry),
  })), unlisted, measure.text, width, Math.round(Math.min(380, width * 0.55)));
}

/** @param {Entry[]} entries @param {State} state @param {Answers} answers @param {(sort: import("../parts/table.js").Sort) => void} onSort */
function listing(entries, state, answers, onSort) {
  const { size, subPathCount, subPaths } = answers.listed;
  const all = `${count(subPathCount)} entries`;
  const some = `the first ${count(subPaths.length)} of ${all} in this order`;
  const left = partial(answers);
  const total = Math.max(1, size);
  return table({
    caption: !left ? `${count(entries.length)} of ${all}`
      : state.filter ? `${count(entries.length)} of ${some}` : some[0].toUpperCase() + some.slice(1),
    rows: entries,
    sort: { by: left && !(state.sort in ORDERS) ? measureIn(state) : state.sort, descending: state.order === "desc" },
    onSort,
    columns: [
      { id: "name", title: "Name", order: (e) => (e.isKey ? "key " : "directory ") + e.name, cell: (e) => h("a", { href: urlOfPath(state, e.path), class: e.isKey ? "key" : "directory" }, e.name) },
      { id: "size", title: "Size", number: true, order: (e) => e.size, cell: (e) => bytes(e.size), exact: (e) => `${count(e.size)} bytes` },
      { id: "share", title: "Share", number: true, order: (e) => e.size, cell: (e) => percent(e.size, total) },
      { id: "replicated", title: "Replicated", number: true, order: (e) => e.replicated, cell: (e) => bytes(e.replicated), exact: (e) => `${count(e.replicated)} bytes on disks` },
      { id: "files", title: "Files", number: true, order: (e) => e.files, cell: (e) => count(e.files) },
      { id: "directories", title: "Directories", number: true, order: left ? undefined : (e) => e.directories, cell: (e) => (e.isKey ? "" : count(e.directories)) },
      { id: "newest", title: "Last modified", number: true, order: (e) => e.newest, cell: (e) => since(e.newest, " ago") },
      { id: "owner", title: "Owner", order: left ? undefined : (e) => e.owner, cell: (e) => e.owner },
    ],
  });
}

/** OM's own usage counter and its components, in replicated bytes. @param {any} all */
function charged(all) {
  const bar = (/** @type {string} */ label, /** @type {number} */ value, /** @type {number} */ names) => ({
    label, value: Math.max(0, value), text: value < 0 ? `−${bytes(-value)}` : bytes(value), title: `${count(value)} bytes, ${count(names)} names`,
  });
  const amount = (/** @type {string} */ label, /** @type {{bytes: number, names: number}} */ of) => bar(label, of.bytes, of.names);
  const [total, ...parts] = [
    bar("Used bytes", all.usedBytes, all.usedNamespace),
    amount("Committed keys", all.committed),
    amount("Open multipart parts", all.openParts),
    amount("Pending deletion (directories)", all.pendingDirectories),
    amount("Orphaned (kept by snapshots)", all.orphaned),
    bar("Unexplained", all.unexplainedBytes, all.unexplainedNamespace),
    bar("Deleted, not purged", all.snapshotUsedBytes, all.snapshotUsedNamespace),
  ];
  return [total, ...parts.filter((part) => !part.text.startsWith("0 "))];
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
  if (event.key === "Backspace" || event.key === "u") {
    const parent = state.path.replace(/\/+$/, "").replace(/\/[^/]*$/, "") || "/";
    if (state.path !== "/") location.hash = urlOfPath(state, parent);
  }
}
