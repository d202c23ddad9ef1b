// The container lists: request, meaning and columns of each.

import { h } from "../dom.js";
import { bytes, count, iso } from "../format.js";
import { datanodeLink, pipelineLink } from "../links.js";
import { badge, words } from "../parts/badge.js";
import { since } from "../parts/since.js";
import { LISTS, QUASI_CLOSED } from "../unhealthy.js";

/** @typedef {import("../parts/table.js").Column<any>} Column */
/** @typedef {import("../api.js").Replica} Replica */

/**
 * A list of containers, one of the tabs.
 * @typedef {object} Tab
 * @property {string} id
 * @property {string} title
 * @property {string} [tone]
 * @property {string} about the list's meaning and remedy
 * @property {string} none the text of an empty list
 * @property {string} path
 * @property {Record<string, string>} [query]
 * @property {string} cursor the parameter with the id that precedes the page
 * @property {string} [back] the parameter with the id that follows the page; without it the list only goes forward
 * @property {(answer: any) => any[]} rows
 * @property {(counts: any) => number | null} count the list's size; null if it is not counted
 * @property {string} number the row's field with the container id
 * @property {Column[]} columns the further columns
 */

/** @type {Column[]} */
const REPLICAS = [
  { id: "replicas", title: "Replicas", number: true, cell: (row) => `${row.actualReplicaCount} of ${row.expectedReplicaCount}` },
  { id: "blocks", title: "Blocks", number: true, cell: (row) => count(row.keys) },
  { id: "datanodes", title: "On datanodes", cell: (row) => replicas(row.replicas) },
];

/** @type {Column[]} */
const ONLY_SCM = [
  { id: "pipeline", title: "Pipeline", cell: (row) => row.pipelines.map((/** @type {any} */ one) => pipelineLink(one.id.id)) },
];
/** @type {Column[]} */
const ONLY_OM = [{ id: "keys", title: "Keys", number: true, cell: (row) => count(row.numberOfKeys) }];

/** @type {Tab[]} */
export const TABS = [
  ...LISTS.map((list) => /** @type {Tab} */ ({
    id: list.id, title: list.title, tone: list.tone, about: `${list.means} ${list.todo}`, none: `No containers ${list.are}.`,
    path: `containers/unhealthy/${list.id}`, cursor: "minContainerId", back: "maxContainerId", rows: (answer) => answer.containers,
    count: (counts) => counts.unhealthy[list.counted] ?? null, number: "containerID",
    columns: [{ id: "since", title: "Since", number: true, cell: (row) => since(row.unhealthySince, " ago") }, { id: "reason", title: "Reason", cell: (row) => h("span", { class: "nowrap" }, row.reason) }, ...REPLICAS],
  })),
  {
    id: "QUASI_CLOSED", title: "Quasi-closed", tone: "warn", about: `${QUASI_CLOSED.means} ${QUASI_CLOSED.todo}`, none: "No containers are quasi-closed.",
    path: "containers/quasiClosed", cursor: "minContainerId", rows: (answer) => answer.containers, count: (counts) => counts.quasi.quasiClosedCount ?? null,
    number: "containerID", columns: [{ id: "since", title: "Since", number: true, cell: (row) => since(row.stateEnterTime, " ago") }, ...REPLICAS],
  },
  {
    id: "DELETED_WITH_KEYS", title: "Deleted, with keys", about: "Containers that SCM has deleted although OM has keys in them: these keys cannot be read.", none: "OM has no keys in deleted containers.",
    path: "containers/mismatch/deleted", cursor: "prevKey", rows: (answer) => answer.containerDiscrepancyInfo, count: () => null, number: "containerId", columns: ONLY_OM,
  },
  {
    id: "UNKNOWN_TO_SCM", title: "Unknown to SCM", about: "Containers of OM's keys that SCM does not have: these keys cannot be read.", none: "SCM has all containers of OM's keys.",
    path: "containers/mismatch", query: { missingIn: "SCM" }, cursor: "prevKey", rows: (answer) => answer.containerDiscrepancyInfo, count: () => null, number: "containerId", columns: ONLY_OM,
  },
  {
    id: "WITHOUT_KEYS", title: "Without keys", about: "Containers without a block of any key: they are new, or their keys have been deleted.", none: "Every container has keys.",
    path: "containers/mismatch", query: { missingIn: "OM" }, cursor: "prevKey", rows: (answer) => answer.containerDiscrepancyInfo, count: () => null, number: "containerId", columns: ONLY_SCM,
  },
  {
    id: "DELETED", title: "Deleted", about: "SCM keeps a record of deleted containers.", none: "No containers have been deleted.",
    path: "containers/deleted", cursor: "prevKey", rows: (answer) => answer, count: (counts) => counts.state.deletedContainers, number: "containerId",
    columns: [
      { id: "since", title: "Deleted", number: true, cell: (row) => since(row.stateEnterTime, " ago", "unknown") },
      { id: "replication", title: "Replication", cell: (row) => row.replicationConfig.replicationType ?? "" },
    ],
  },
  {
    id: "ALL", title: "All", about: "", none: "There are no containers.", path: "containers", cursor: "prevKey", rows: (answer) => answer.data.containers,
    count: (counts) => counts.state.containers + counts.state.deletedContainers, number: "ContainerID",
    columns: [
      { id: "state", title: "State", cell: (row) => words(row.State ?? "unknown") },
      { id: "bytes", title: "Replica size", number: true, cell: (row) => (row.UsedBytes === null ? "" : bytes(row.UsedBytes)), exact: (row) => `${count(row.UsedBytes ?? 0)} bytes` },
      { id: "blocks", title: "Blocks", number: true, cell: (row) => count(row.NumberOfKeys) },
      { id: "keys", title: "Keys", number: true, cell: (row) => count(row.NumberOfOmKeys) },
    ],
  },
];

/** Current and former locations of replicas. @param {Replica[]} all */
function replicas(all) {
  if (all.length === 0) return h("span", { class: "faint" }, "none known");
  return h("span", { class: "replicas" }, all.map((one) => h("span", { title: `${words(one.state)}, last seen ${iso(one.lastSeenTime)}` },
    badge(one.isPresent ? (one.state === "UNHEALTHY" ? "bad" : "ok") : "idle", ""), datanodeLink(one.datanodeUuid, one.datanodeHost),
    one.replicaIndex > 0 && h("small", { title: "Replica index" }, ` ${one.replicaIndex}`), !one.isPresent && h("small", { class: "faint" }, " gone"))));
}
