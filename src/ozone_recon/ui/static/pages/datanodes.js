// Datanodes: health, disk use and decommissioning; a list and a page for each.

import { get, ifKnown, now, send } from "../api.js";
import { h, keepFocus, put } from "../dom.js";
import { bytes, count, percent, things, time } from "../format.js";
import { containerLink, datanodeLink, pipelineLink } from "../links.js";
import { live } from "../live.js";
import { badge, words } from "../parts/badge.js";
import { choices } from "../parts/choices.js";
import { disk, diskBar, diskLegend } from "../parts/disk.js";
import { fact, facts } from "../parts/facts.js";
import { notice } from "../parts/notice.js";
import { since } from "../parts/since.js";
import { table } from "../parts/table.js";
import { trail } from "../parts/trail.js";
import { remember, stateOf, urlOf } from "../state.js";

export const name = "datanodes";
export const title = "Datanodes";

const FIRST = { node: "", show: "", filter: "", rows: "", sort: "state", order: "asc" };

const byName = new Intl.Collator("en", { numeric: true });

/** @typedef {typeof FIRST} State */
/** @typedef {{pipelineID: string, replicationType: string, replicationFactor: string, leaderNode: string}} DatanodePipeline */
/**
 * A datanode as the API returns it; the API omits zero values.
 * @typedef {{uuid: string, hostname: string, state: string, opState?: string, lastHeartbeat?: number, storageReport?: import("../parts/disk.js").StorageReport, pipelines: DatanodePipeline[] | null, containers?: number, openContainers?: number, leaderCount?: number, version?: string, setupTime?: number, revision?: string, layoutVersion?: number, networkLocation?: string}} Datanode
 */
/** @typedef {{datanodeDetails: any, metrics: any, containers: Record<string, string[]>}} Decommissioning */

/** In order of severity, the worst first. @type {Record<string, import("../parts/badge.js").Tone>} */
const TONES = { DEAD: "bad", STALE: "warn", HEALTHY_READONLY: "warn", HEALTHY: "ok" };
const MEANINGS = /** @type {Record<string, string>} */ ({
  DEAD: "No heartbeat for so long that its replicas no longer count",
  STALE: "No heartbeat for a while; SCM does not write to it",
  HEALTHY_READONLY: "It sends heartbeats but is read-only: the layout upgrade is not finalized",
  HEALTHY: "It sends heartbeats",
});

/** @type {{id: string, title: string, tone?: string, has: (one: Datanode) => boolean}[]} */
const SHOWN = [
  { id: "", title: "All", has: () => true },
  { id: "HEALTHY", title: "Healthy", has: (one) => one.state.startsWith("HEALTHY") },
  { id: "STALE", title: "Stale", tone: "warn", has: (one) => one.state === "STALE" },
  { id: "DEAD", title: "Dead", tone: "bad", has: (one) => one.state === "DEAD" },
  { id: "OUT_OF_SERVICE", title: "Out of service", has: (one) => one.opState !== undefined && one.opState !== "IN_SERVICE" },
  { id: "FAILED", title: "Failed disks", tone: "bad", has: (one) => (one.storageReport?.failedVolumes ?? 0) > 0 },
];

/** @param {HTMLElement} main @param {URLSearchParams} parameters @param {AbortSignal} signal */
export async function show(main, parameters, signal) {
  const state = stateOf(FIRST, parameters);
  await live({
    main,
    load: (signal) => Promise.all([get("datanodes", {}, signal), ifKnown(get("datanodes/decommission/info", {}, signal))]),
    draw: ([answer, info]) => {
      const all = /** @type {Datanode[]} */ (answer.datanodes ?? []);
      const decommissioning = /** @type {Decommissioning[]} */ (info.DatanodesDecommissionInfo ?? []);
      if (state.node) drawOne(main, state.node, all, decommissioning);
      else drawAll(main, state, all, decommissioning);
    },
  }, signal);
}

/** @param {HTMLElement} main @param {State} state @param {Datanode[]} all @param {Decommissioning[]} decommissioning */
function drawAll(main, state, all, decommissioning) {
  const content = h("div", { class: "listing" });
  const filter = h("input", { type: "search", id: "filter", placeholder: "Filter hosts and racks  ( / )", value: state.filter, "aria-label": "Filter hosts and racks",
    oninput: () => { state.filter = filter.value; changed(); } });
  function list() {
    const chosen = SHOWN.find((one) => one.id === state.show) ?? SHOWN[0];
    const text = state.filter.toLowerCase();
    const matching = all.filter((one) => chosen.has(one) && `${one.hostname} ${one.uuid} ${one.networkLocation ?? ""}`.toLowerCase().includes(text));
    keepFocus(content, () => content.replaceChildren(listing(matching, all.length, state, changed)));
  }
  const changed = () => { remember(urlOf(name, FIRST, state)); list(); };
  put(main,
    h("h1", {}, title),
    decommissioningCards(decommissioning),
    h("div", { class: "controls" },
      choices("Which datanodes", SHOWN.map((one) => ({
        title: one.title, href: urlOf(name, FIRST, { ...state, show: one.id }), chosen: one.id === state.show, count: all.filter(one.has).length, tone: one.tone,
      }))),
      filter),
    content);
  list();
}

/** @param {Datanode[]} rows @param {number} all @param {State} state @param {() => void} changed */
function listing(rows, all, state, changed) {
  const order = Object.keys(TONES);
  return table({
    caption: `${count(rows.length)} of ${count(all)} datanodes`,
    rows: rows.sort((a, b) => byName.compare(a.hostname, b.hostname)),
    allUrl: state.rows ? undefined : urlOf(name, FIRST, { ...state, rows: "all" }),
    sort: { by: state.sort, descending: state.order === "desc" },
    onSort: (sort) => { Object.assign(state, { sort: sort.by, order: sort.descending ? "desc" : "asc" }); changed(); },
    columns: [
      { id: "host", title: "Host", order: (one) => one.hostname, cell: (one) => datanodeLink(one.uuid, one.hostname), exact: (one) => one.uuid },
      { id: "state", title: "State", order: (one) => order.indexOf(one.state), cell: (one) => stateOfOne(one) },
      { id: "service", title: "Service", order: (one) => one.opState ?? "", cell: (one) => service(one.opState) },
      { id: "heartbeat", title: "Last heartbeat", number: true, order: (one) => one.lastHeartbeat ?? 0, cell: (one) => since(one.lastHeartbeat ?? 0, " ago", "never") },
      { id: "full", title: "Full", number: true, order: (one) => disk(one.storageReport)?.share ?? -1, cell: (one) => full(one) },
      { id: "capacity", title: "Capacity", number: true, order: (one) => one.storageReport?.capacity ?? 0, cell: (one) => bytes(one.storageReport?.capacity ?? 0), exact: (one) => `${count(one.storageReport?.capacity ?? 0)} bytes available to Ozone` },
      { id: "containers", title: "Containers", number: true, order: (one) => one.containers ?? 0, cell: (one) => count(one.containers ?? 0), exact: (one) => `${count(one.openContainers ?? 0)} of them open` },
      { id: "pipelines", title: "Pipelines", number: true, order: (one) => one.pipelines?.length ?? 0, cell: (one) => count(one.pipelines?.length ?? 0) },
      { id: "leads", title: "Leads", number: true, order: (one) => one.leaderCount ?? 0, cell: (one) => count(one.leaderCount ?? 0) },
      { id: "rack", title: "Rack", order: (one) => one.networkLocation ?? "", cell: (one) => one.networkLocation ?? "" },
      { id: "version", title: "Version", order: (one) => one.version ?? "", cell: (one) => one.version ?? "", exact: (one) => one.revision ?? "" },
    ],
  });
}

/** @param {Datanode} one */
function stateOfOne(one) {
  const failed = one.storageReport?.failedVolumes ?? 0;
  return [
    badge(TONES[one.state] ?? "idle", words(one.state), MEANINGS[one.state]),
    failed > 0 && badge("bad", `${count(failed)} failed ${failed === 1 ? "disk" : "disks"}`),
  ];
}

/** @param {string | undefined} opState */
function service(opState) {
  if (!opState || opState === "IN_SERVICE") return h("span", { class: "faint" }, opState ? "in service" : "unknown");
  return badge(opState.endsWith("ING") || opState.startsWith("ENTERING") ? "busy" : "idle", words(opState));
}

/** @param {Datanode} one */
function full(one) {
  const known = disk(one.storageReport);
  return known ? h("span", { class: "with-bar" }, diskBar(known), percent(known.share, 1)) : h("span", { class: "faint" }, "not reported");
}

/** The decommissioning datanodes and their progress. @param {Decommissioning[]} decommissioning */
function decommissioningCards(decommissioning) {
  if (decommissioning.length === 0) return null;
  return h("div", { class: "cards" }, decommissioning.map((one) => h("section", { class: "card" },
    h("h2", {}, datanodeLink(one.datanodeDetails.uuidString, one.datanodeDetails.hostName), " is decommissioning"), progress(one))));
}

/** @param {Decommissioning} one */
function progress({ metrics, containers }) {
  const remaining = [
    { ids: containers.UnderReplicated ?? [], by: metrics?.numOfUnderReplicatedContainers ?? 0, why: "under-replicated" },
    { ids: containers.UnClosed ?? [], by: metrics?.numOfUnclosedContainers ?? 0, why: "not closed" },
  ];
  return [
    h("p", {}, metrics ? ["Started ", since(metrics.decommissionStartedAt, " ago"), `; ${things(metrics.numOfUnclosedPipelines, "pipeline", "are still open")}.`] : "SCM has not reported its progress yet."),
    h("ul", {}, remaining.map(({ ids, by, why }) => (ids.length || by) > 0 && h("li", {}, things(ids.length || by, "container", `are ${why}`), containerLinks(ids)))),
    h("p", { class: "faint" }, "Keep it running until no container remains; SCM then marks it decommissioned."),
  ];
}

/** @param {string[]} ids such as `#12` */
function containerLinks(ids) {
  const SOME = 12;
  const shown = ids.slice(0, SOME).flatMap((id, i) => [i ? ", " : ": ", containerLink(id.replace("#", ""))]);
  return ids.length > SOME ? [...shown, `, and ${count(ids.length - SOME)} more`] : shown;
}

/** @param {HTMLElement} main @param {string} uuid @param {Datanode[]} all @param {Decommissioning[]} decommissioning */
function drawOne(main, uuid, all, decommissioning) {
  const one = all.find((candidate) => candidate.uuid === uuid);
  if (!one) {
    put(main, path(uuid), notice("empty", `No datanode ${uuid}: it has never registered, or it has been removed.`));
    return;
  }
  document.title = `${one.hostname} · Recon`;
  const mine = decommissioning.find((candidate) => candidate.datanodeDetails.uuidString === uuid);
  const known = disk(one.storageReport);
  put(main,
    path(one.hostname),
    facts(
      fact("State", stateOfOne(one)), fact("Service", service(one.opState)),
      fact("Last heartbeat", since(one.lastHeartbeat ?? 0, " ago", "never")),
      fact("Containers", count(one.containers ?? 0)), fact("Open", count(one.openContainers ?? 0)),
      fact("Rack", one.networkLocation ?? ""), fact("Version", one.version ?? "unknown", one.revision ?? ""),
      fact("Set up", one.setupTime ? since(one.setupTime, " ago") : "unknown"),
      fact("Layout", one.layoutVersion ?? "unknown"), fact("UUID", h("code", {}, one.uuid))),
    one.state === "DEAD" && dead(main, one),
    h("div", { class: "cards" },
      h("section", { class: "card" }, h("h2", {}, "Disks"), known ? [diskBar(known), diskLegend(known)] : h("p", { class: "faint" }, "It has not reported its disks.")),
      mine && h("section", { class: "card" }, h("h2", {}, "Decommissioning"), progress(mine))),
    h("h2", {}, "Pipelines"),
    h("div", { class: "listing" }, pipelines(one)));
}

/** @param {string} last */
const path = (last) => trail([[title, urlOf(name, FIRST, {})]], last);

/** @param {Datanode} one */
function pipelines(one) {
  const rows = one.pipelines ?? [];
  if (rows.length === 0) return notice("empty", "It is in no pipeline: SCM does not write to it.");
  return table({
    caption: `${things(rows.length, "pipeline")}; it leads ${count(one.leaderCount ?? 0)}`,
    rows,
    columns: [
      { id: "id", title: "Pipeline", cell: (row) => pipelineLink(row.pipelineID) },
      { id: "replication", title: "Replication", cell: (row) => `${row.replicationType} ${row.replicationFactor}` },
      { id: "leader", title: "Leader", cell: (row) => row.leaderNode || badge("warn", "none") },
    ],
  });
}

/** The remedy for a dead datanode. @param {HTMLElement} main @param {Datanode} one */
function dead(main, one) {
  const remove = async () => {
    if (!confirm(`Remove ${one.hostname} from Recon? It reappears when it registers again.`)) return;
    const answer = await send("PUT", "datanodes/remove", [one.uuid]).catch((error) => ({ datanodesResponseMap: { failedDatanodes: { errors: { [one.uuid]: error.message } } } }));
    const failure = answer.datanodesResponseMap.failedDatanodes?.errors[one.uuid];
    if (failure) main.prepend(notice("error", `${one.hostname} was not removed: ${failure}`));
    else location.hash = urlOf(name, FIRST, {});
  };
  const last = one.lastHeartbeat ? `Last heartbeat: ${time(one.lastHeartbeat)}. ` : "";
  return h("div", { class: "notice advice bad" },
    h("p", {}, last, "SCM re-replicates its containers from the remaining replicas. Start it, or check its log. If it will not come back, remove it."),
    h("button", { type: "button", onclick: remove }, "Remove…"));
}
