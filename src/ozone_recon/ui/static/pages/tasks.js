// What keeps the data fresh: every task, how it fares, how far behind it is, and how to have it run now.

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

/** What each task is for, by the beginning of its name. */
const PURPOSES = /** @type {Record<string, string>} */ ({
  OmSnapshotRequest: "fetches the whole of OM's database",
  OmDeltaRequest: "asks OM for what has changed",
  REPROCESS_STAGING: "indexes a whole database anew",
  ContainerKeyMapperTask: "finds the keys in each container",
  FileSizeCountTask: "counts files by their size",
  NSSummaryTask: "sums up what is below each directory",
  OmTableInsightTask: "counts what waits in OM: open keys, deleted keys",
  OwnersAges: "sums up by owner and by age",
  ScmSnapshotRequest: "reads all of SCM",
  PipelineSyncTask: "asks SCM for pipelines and datanodes",
  ContainerHealthTask: "judges every container",
  ContainerSizeCountTask: "counts containers by their size",
  ScmContainerCountTask: "compares how many containers SCM has and we know",
  ScmInfoTask: "asks SCM for its leader, its deletions, and who leaves",
  ScmSuspectContainersTask: "asks SCM again for containers that datanodes report otherwise",
  DatanodeServer: "hears the datanodes",
  DatanodeHealthTask: "sees which datanodes have fallen silent",
  ClusterPublication: "writes down what is known of the cluster",
});

/** They do not follow changes. */
const WHOLE = ["OmSnapshotRequest", "REPROCESS_STAGING"];

/** @param {HTMLElement} main @param {URLSearchParams} _ @param {AbortSignal} signal */
export function show(main, _, signal) {
  return live({ main, ask: (signal) => get("task/status", {}, signal), draw: (tasks) => draw(main, tasks) }, signal);
}

/** @param {HTMLElement} main @param {Task[]} tasks */
function draw(main, tasks) {
  const failed = tasks.filter((task) => task.lastTaskRunStatus < 0);
  put(main,
    h("h1", {}, title),
    ages(),
    failed.map((task) => h("div", { class: "notice advice bad" }, h("p", {},
      h("b", {}, task.taskName), " failed ", since(task.lastUpdatedTimestamp, " ago"), `: ${task.message ?? "see the server's log"}. What is shown is what was known before; it is tried again.`))),
    h("div", { class: "controls" },
      button("Ask OM now", () => get("triggerdbsync/om")),
      freshness()?.followsCluster && button("Read all of SCM now", () => send("POST", "triggerdbsync/scm/snapshot"))),
    tasks.length === 0 ? notice("empty", "No task has run yet.") : h("div", { class: "listing" }, listing(tasks)));
}

/** How old what is known is. */
function ages() {
  const heard = freshness();
  const of = (/** @type {number | null | undefined} */ ms) => (typeof ms === "number" && heard ? since(heard.receivedAt - ms, " old") : h("span", { class: "faint" }, heard?.followsCluster ? "not yet" : "not followed"));
  return facts(
    fact("OM's database", heard?.ageMs === null ? h("span", { class: "faint" }, "not yet") : of(heard?.ageMs)),
    heard?.sequenceNumber !== null && fact("Sequence number", count(heard?.sequenceNumber ?? 0)),
    fact("Datanodes", of(heard?.clusterAgeMs), "Since the datanodes' last reports were taken in"),
    fact("SCM", of(heard?.scmAgeMs), "Since all of SCM was read"));
}

/** @param {string} text @param {() => Promise<unknown>} act */
function button(text, act) {
  const made = h("button", { type: "button", onclick: async () => {
    made.disabled = true;
    await act().catch((error) => made.after(h("span", { class: "said", role: "alert" }, error.message)));
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
      { id: "behind", title: "Behind by", number: true, cell: (task) => (task.lastUpdatedSeqNumber && !WHOLE.includes(task.taskName) ? count(newest - task.lastUpdatedSeqNumber) : ""), exact: () => "Changes in OM's database that it has not taken in yet" },
      { id: "message", title: "Message", cell: (task) => task.message ?? "" },
    ],
  });
}

/** @param {Task} task */
function state(task) {
  if (task.isCurrentTaskRunning) return badge("busy", "Running");
  return task.lastTaskRunStatus < 0 ? badge("bad", "Failed") : badge("ok", "Well");
}

/** @param {string} task */
function purpose(task) {
  return Object.entries(PURPOSES).find(([prefix]) => task.startsWith(prefix))?.[1] ?? "";
}
