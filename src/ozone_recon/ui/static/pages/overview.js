// The overview: findings with their remedies, then the cluster's totals.

import { freshness, get, ifKnown } from "../api.js";
import { h, put } from "../dom.js";
import { findings } from "../findings.js";
import { bytes, count, percent, things } from "../format.js";
import { SOON, live } from "../live.js";
import { sign } from "../parts/badge.js";
import { barChart } from "../parts/bars.js";
import { disk, diskBar, diskLegend } from "../parts/disk.js";
import { notice } from "../parts/notice.js";
import { pairs } from "../parts/pairs.js";
import { LISTS } from "../unhealthy.js";

export const name = "overview";
export const title = "Overview";

/** The maximum number of missing containers inspected for the datanodes that held them. */
const MAX_MISSING = 500;

/** @typedef {import("../findings.js").Finding} Finding */

/** @param {HTMLElement} main @param {URLSearchParams} _ @param {AbortSignal} signal */
export function show(main, _, signal) {
  return live({
    main,
    load: async (signal) => {
      const part = (/** @type {string} */ path, query = {}) => ifKnown(get(path, query, signal));
      const [state, tasks, datanodes, missing, quasi, decommissioning, open, deleted, ofOm, ofScm, sizes] = await Promise.all([
        get("clusterState", {}, signal), get("task/status", {}, signal), part("datanodes"),
        part("containers/unhealthy/MISSING", { limit: MAX_MISSING }), part("containers/quasiClosed", { limit: 0 }), part("datanodes/decommission/info"),
        part("keys/open/summary"), part("keys/deletePending/summary"),
        part("pendingDeletion", { component: "om" }), part("pendingDeletion", { component: "scm" }), part("utilization/containerCount"),
      ]);
      return { state, tasks, datanodes, missing, quasi, decommissioning, open, deleted, ofOm, ofScm, sizes };
    },
    draw: (answers) => draw(main, answers),
  }, signal);
}

/** @param {HTMLElement} main @param {any} answers */
function draw(main, answers) {
  const follows = freshness()?.followsCluster ?? false;
  const unknown = follows && (answers.datanodes.unknown ?? answers.missing.unknown);
  const opened = main.querySelector("details")?.open ?? false;
  put(main,
    follows ? health(findings(answers, freshness()), unknown, answers, opened) : notice("empty", answers.datanodes.unknown ?? ""),
    h("div", { class: "cards" }, follows && storage(answers.state), follows && ofDatanodes(answers.datanodes.datanodes ?? []),
      containers(answers, follows), namespace(answers), deletion(answers), follows && sizes(answers.sizes)));
  return unknown ? SOON : undefined;
}

/** @param {Finding[]} all @param {string | undefined} unknown why the data is incomplete @param {any} answers @param {boolean} opened */
function health(all, unknown, { state }, opened) {
  const of = (/** @type {string} */ tone) => all.filter((one) => one.tone === tone);
  const [bad, warn, info] = [of("bad"), of("warn"), of("info")];
  const summary = [bad.length && things(bad.length, "problem"), warn.length && things(warn.length, "finding", "need attention")].filter(Boolean).join(", ");
  const tone = bad.length ? "bad" : warn.length ? "warn" : unknown ? "busy" : "ok";
  return h("section", { class: "health", "aria-label": "Health" },
    h("h1", { class: tone }, sign(tone), summary || (unknown ? "No problems found so far" : "Healthy")),
    unknown && notice("waiting", unknown),
    !summary && !unknown && h("p", { class: "lead" }, `${things(state.healthyDatanodes, "datanode", "are healthy")}; ${things(state.containers, "container", "are fully replicated")}.`),
    h("ul", { class: "findings" }, [...bad, ...warn].map(finding)),
    info.length > 0 && h("details", { open: opened }, h("summary", {}, `${things(info.length, "informational finding")}: no action needed`), h("ul", { class: "findings" }, info.map(finding))));
}

/** @param {Finding} one */
function finding({ tone, title, means, todo, href }) {
  return h("li", { class: tone },
    sign(tone === "info" ? "idle" : tone),
    h("div", {}, h("h2", {}, title), h("p", { class: "faint" }, means)),
    h("p", { class: "todo" }, todo),
    h("a", { class: "more", href }, "Show"));
}

/** @param {string} heading @param {import("../dom.js").Child[]} children */
function card(heading, ...children) {
  return h("section", { class: "card" }, h("h2", {}, heading), children);
}

/** @param {any} state */
function storage({ storageReport }) {
  const known = disk(storageReport);
  return h("section", { class: "card wide" }, h("h2", {}, "Storage", known && h("span", { class: "faint" }, ` ${percent(known.share, 1)} of ${bytes(known.report.capacity)} used`)),
    known ? [diskBar(known), diskLegend(known)] : h("p", { class: "faint" }, "No datanode has reported its disks yet."));
}

/** @param {import("./datanodes.js").Datanode[]} all */
function ofDatanodes(all) {
  const n = (/** @type {(one: import("./datanodes.js").Datanode) => boolean} */ has) => all.filter(has).length;
  const [healthy, stale, dead] = [n((one) => one.state.startsWith("HEALTHY")), n((one) => one.state === "STALE"), n((one) => one.state === "DEAD")];
  const out = n((one) => (one.opState ?? "IN_SERVICE") !== "IN_SERVICE");
  const pipelines = new Set(all.flatMap((one) => one.pipelines ?? []).map((one) => one.pipelineID));
  return card("Datanodes", pairs([
    { label: "Healthy", value: `${count(healthy)} of ${count(all.length)}`, href: "#/datanodes?show=HEALTHY" },
    { label: "Stale", value: count(stale), href: "#/datanodes?show=STALE", tone: stale ? "warn" : "" },
    { label: "Dead", value: count(dead), href: "#/datanodes?show=DEAD", tone: dead ? "bad" : "" },
    { label: "Out of service", value: count(out), href: "#/datanodes?show=OUT_OF_SERVICE" },
    { label: "Pipelines", value: count(pipelines.size), href: "#/pipelines" },
  ]));
}

/** @param {any} answers @param {boolean} follows */
function containers({ state, missing, quasi }, follows) {
  return card("Containers", pairs([
    { label: "All", value: count(state.containers), href: "#/containers?list=ALL" },
    ...(follows ? [{ label: "Open", value: count(state.openContainers) }] : []),
    ...LISTS.filter((list) => list.tone === "bad" || missing[list.counted] > 0).map((list) => ({
      label: list.title, value: missing.unknown ? "unknown" : count(missing[list.counted]), href: `#/containers?list=${list.id}`, tone: missing[list.counted] && list.tone !== "info" ? list.tone : "",
    })).slice(0, follows ? undefined : 0),
    follows && quasi.quasiClosedCount > 0 && { label: "Quasi-closed", value: count(quasi.quasiClosedCount), href: "#/containers?list=QUASI_CLOSED" },
    follows && { label: "Deleted", value: count(state.deletedContainers), href: "#/containers?list=DELETED" },
  ]));
}

/** @param {any} answers */
function namespace({ state, open }) {
  return card("Namespace", pairs([
    { label: "Volumes", value: count(state.volumes), href: "#/namespace" },
    { label: "Buckets", value: count(state.buckets), href: "#/namespace" },
    { label: "Keys", value: count(state.keys), href: "#/namespace" },
    !open.unknown && { label: "Open keys", value: count(open.totalOpenKeys) },
    !open.unknown && { label: "Size of open keys", value: bytes(open.totalReplicatedDataSize), exact: `${count(open.totalReplicatedDataSize)} bytes on disks` },
  ]));
}

/** @param {any} answers */
function deletion({ state, deleted, ofOm, ofScm }) {
  const size = (/** @type {number | undefined} */ n) => (n === undefined || n < 0 ? "unknown" : bytes(n));
  return card("Pending deletion", pairs([
    { label: "Keys", value: count(deleted?.totalDeletedKeys ?? state.keysPendingDeletion) },
    { label: "Directories", value: count(state.deletedDirs) },
    { label: "On disks, in OM", value: size(ofOm?.totalSize), exact: "Keys and directories whose deletion OM has not sent to SCM" },
    freshness()?.followsCluster === true && { label: "On disks, in SCM", value: size(ofScm?.totalReplicatedBlockSize), exact: "Blocks whose deletion SCM has not sent to the datanodes" },
    freshness()?.followsCluster === true && { label: "Blocks, in SCM", value: ofScm?.totalBlocksCount >= 0 ? count(ofScm.totalBlocksCount) : "unknown" },
  ]));
}

/** @param {any} counts */
function sizes(counts) {
  if (counts.unknown) return card("Container sizes", h("p", { class: "faint" }, counts.unknown));
  const bins = /** @type {{containerSize: number, count: number}[]} */ (counts);
  return barChart("Container sizes", bins.filter((bin) => bin.count > 0).map((bin) => ({ label: bin.containerSize ? `≤ ${bytes(bin.containerSize)}` : "empty", value: bin.count, text: count(bin.count) })));
}
