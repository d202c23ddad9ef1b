// Background tasks: status, lag, and buttons that run them.

import { freshness, get, send } from "../api.js";
import { h, put } from "../dom.js";
import { age, count } from "../format.js";
import { live, refresh } from "../live.js";
import { badge } from "../parts/badge.js";
import { fact, facts } from "../parts/facts.js";
import { notice } from "../parts/notice.js";
import { since } from "../parts/since.js";
import { table } from "../parts/table.js";

export const name = "tasks";
export const title = "Tasks";

/** @typedef {{taskName: string, lastUpdatedTimestamp: number, lastUpdatedSeqNumber: number, lastTaskRunStatus: number, isCurrentTaskRunning: number, message?: string}} Task */

/** Descriptions of tasks, by name prefix. */
const PURPOSES = /** @type {Record<string, string>} */ ({
  OmSnapshotRequest: "fetches a checkpoint of OM's database",
  OmDeltaRequest: "fetches and applies OM's changes",
  REPROCESS_STAGING: "rebuilds the index from a checkpoint",
  ContainerKeyMapperTask: "maps containers to keys",
  FileSizeCountTask: "counts files by size",
  NSSummaryTask: "summarizes each directory's subtree",
  OmTableInsightTask: "counts open and deleted keys",
  OwnersAges: "summarizes by owner and by age",
  ScmSnapshotRequest: "reads all of SCM's containers",
  PipelineSyncTask: "fetches pipelines and datanodes from SCM",
  ContainerHealthTask: "evaluates container health",
  ContainerSizeCountTask: "counts containers by size",
  ScmContainerCountTask: "compares container counts with SCM",
  ScmInfoTask: "fetches SCM's leader, pending deletions and decommissioning datanodes",
  ScmSuspectContainersTask: "re-reads containers whose datanode reports contradict SCM's state",
  DatanodeServer: "receives datanode heartbeats and reports",
  DatanodeHealthTask: "detects stale and dead datanodes",
  ClusterPublication: "publishes the cluster's tables",
});

/** Tasks that process a checkpoint, not changes. */
const CHECKPOINT_TASKS = ["OmSnapshotRequest", "REPROCESS_STAGING"];

/** @param {HTMLElement} main @param {URLSearchParams} _ @param {AbortSignal} signal */
export function show(main, _, signal) {
  return live({ main, load: (signal) => get("task/status", {}, signal), draw: (tasks) => draw(main, tasks) }, signal);
}

/** @param {HTMLElement} main @param {Task[]} tasks */
function draw(main, tasks) {
  const failed = tasks.filter((task) => task.lastTaskRunStatus < 0);
  put(main,
    h("h1", {}, title),
    ages(),
    failed.map((task) => h("div", { class: "notice advice bad" }, h("p", {},
      h("b", {}, task.taskName), " failed ", since(task.lastUpdatedTimestamp, " ago"), `: ${task.message ?? "see the server's log"}. The last known data is shown; Recon retries the task.`))),
    h("div", { class: "controls" },
      button("Sync with OM now", () => get("triggerdbsync/om")),
      freshness()?.followsCluster && button("Read SCM now", () => send("POST", "triggerdbsync/scm/snapshot"))),
    tasks.length === 0 ? notice("empty", "No task has run yet.") : h("div", { class: "listing" }, listing(tasks)));
}

/** The age of each source's data. */
function ages() {
  const latest = freshness();
  const of = (/** @type {number | null | undefined} */ ms) => (typeof ms === "number" && latest ? since(latest.receivedAt - ms, " old") : h("span", { class: "faint" }, latest?.followsCluster ? "not yet" : "not followed"));
  return facts(
    fact("OM's database", latest?.ageMs === null ? h("span", { class: "faint" }, "not yet") : of(latest?.ageMs)),
    latest?.sequenceNumber !== null && fact("Sequence number", count(latest?.sequenceNumber ?? 0)),
    fact("Datanodes", of(latest?.clusterAgeMs), "Since the last datanode reports were applied"),
    fact("SCM", of(latest?.scmAgeMs), "Since the last full read of SCM"));
}

/** @param {string} text @param {() => Promise<unknown>} act */
function button(text, act) {
  const made = h("button", { type: "button", onclick: async () => {
    made.disabled = true;
    await act().catch((error) => made.after(h("span", { class: "failure", role: "alert" }, error.message)));
    made.disabled = false;
    refresh();
  } }, text);
  return made;
}

/** @param {Task[]} tasks */
function listing(tasks) {
  const newest = Math.max(...tasks.map((task) => task.lastUpdatedSeqNumber));
  return table({
    caption: `${count(tasks.length)} tasks`,
    rows: tasks,
    columns: [
      { id: "task", title: "Task", cell: (task) => [h("b", {}, task.taskName), h("small", { class: "faint purpose" }, purpose(task.taskName))] },
      { id: "state", title: "State", cell: (task) => state(task) },
      { id: "last", title: "Last run", number: true, cell: (task) => since(task.lastUpdatedTimestamp, " ago", "never") },
      { id: "sequence", title: "Sequence number", number: true, cell: (task) => (task.lastUpdatedSeqNumber ? count(task.lastUpdatedSeqNumber) : "") },
      { id: "behind", title: "Lag", number: true, cell: (task) => (task.lastUpdatedSeqNumber && !CHECKPOINT_TASKS.includes(task.taskName) ? count(newest - task.lastUpdatedSeqNumber) : ""), exact: () => "OM changes that the task has not processed yet" },
      { id: "message", title: "Message", cell: (task) => task.message ?? "" },
    ],
  });
}

/** @param {Task} task */
function state(task) {
  if (task.isCurrentTaskRunning) return badge("busy", "Running");
  return task.lastTaskRunStatus < 0 ? badge("bad", "Failed") : badge("ok", "OK");
}

/** @param {string} task */
function purpose(task) {
  return Object.entries(PURPOSES).find(([prefix]) => task.startsWith(prefix))?.[1] ?? "";
}
