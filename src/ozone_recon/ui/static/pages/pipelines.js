// Pipelines: status, members, leader and elections.

import { get } from "../api.js";
import { h, keepFocus, put } from "../dom.js";
import { age, count } from "../format.js";
import { datanodeLink } from "../links.js";
import { live } from "../live.js";
import { badge, words } from "../parts/badge.js";
import { choices } from "../parts/choices.js";
import { notice } from "../parts/notice.js";
import { table } from "../parts/table.js";
import { remember, stateOf, urlOf } from "../state.js";

export const name = "pipelines";
export const title = "Pipelines";

const FIRST = { show: "", filter: "", rows: "", sort: "status", order: "asc" };

/** @typedef {typeof FIRST} State */
/** @typedef {{pipelineId: string, status: string, leaderNode: string, datanodes: any[], lastLeaderElection: number, duration: number, leaderElections: number, replicationType: string, replicationFactor: string, containers: number}} Pipeline */

/** @param {Pipeline} one */
const leaderless = (one) => one.replicationType === "RATIS" && one.status === "OPEN" && !one.leaderNode;
/** Sort order: pipelines that need attention first. @param {Pipeline} one */
const rank = (one) => (leaderless(one) ? 0 : ["CLOSED", "DORMANT", "ALLOCATED", "OPEN"].indexOf(one.status) + 1);
/** @param {Pipeline} one */
const replication = (one) => `${one.replicationType} ${one.replicationFactor}`;

/** @type {{id: string, title: string, tone?: string, has: (one: Pipeline) => boolean}[]} */
const SHOWN = [
  { id: "", title: "All", has: () => true },
  { id: "OPEN", title: "Open", has: (one) => one.status === "OPEN" },
  { id: "OTHERS", title: "Not open", has: (one) => one.status !== "OPEN" },
  { id: "LEADERLESS", title: "Without a leader", tone: "warn", has: leaderless },
  { id: "RATIS", title: "RATIS", has: (one) => one.replicationType === "RATIS" },
  { id: "EC", title: "EC", has: (one) => one.replicationType === "EC" },
];

/** @param {HTMLElement} main @param {URLSearchParams} parameters @param {AbortSignal} signal */
export function show(main, parameters, signal) {
  const state = stateOf(FIRST, parameters);
  return live({ main, load: (signal) => get("pipelines", {}, signal), draw: (answer) => draw(main, state, answer.pipelines) }, signal);
}

/** @param {HTMLElement} main @param {State} state @param {Pipeline[]} all */
function draw(main, state, all) {
  const content = h("div", { class: "listing" });
  const filter = h("input", { type: "search", id: "filter", placeholder: "Filter ids and hosts  ( / )", value: state.filter, "aria-label": "Filter ids and hosts",
    oninput: () => { state.filter = filter.value; changed(); } });
  function list() {
    const chosen = SHOWN.find((one) => one.id === state.show) ?? SHOWN[0];
    const text = state.filter.toLowerCase();
    const matching = all.filter((one) => chosen.has(one) && [one.pipelineId, ...one.datanodes.map(({ hostName }) => hostName)].some((field) => field.toLowerCase().includes(text)));
    keepFocus(content, () => put(content, listing(matching, all.length, state, changed)));
  }
  const changed = () => { remember(urlOf(name, FIRST, state)); list(); };
  put(main,
    h("h1", {}, title),
    all.length === 0 && notice("empty", "No pipelines: clients cannot write until SCM creates one."),
    h("div", { class: "controls" },
      choices("Which pipelines", SHOWN.map((one) => ({
        title: one.title, href: urlOf(name, FIRST, { ...state, show: one.id }), chosen: one.id === state.show, count: all.filter(one.has).length, tone: one.tone,
      }))),
      filter),
    content);
  list();
}

/** @param {Pipeline[]} rows @param {number} all @param {State} state @param {() => void} changed */
function listing(rows, all, state, changed) {
  // Elections come from Prometheus; without it every count is 0.
  const elections = rows.some((one) => one.leaderElections > 0);
  return table({
    caption: `${count(rows.length)} of ${count(all)} pipelines`,
    rows,
    allUrl: state.rows ? undefined : urlOf(name, FIRST, { ...state, rows: "all" }),
    sort: { by: state.sort, descending: state.order === "desc" },
    onSort: (sort) => { Object.assign(state, { sort: sort.by, order: sort.descending ? "desc" : "asc" }); changed(); },
    columns: [
      { id: "pipeline", title: "Pipeline", order: (one) => one.pipelineId, cell: (one) => h("code", {}, one.pipelineId) },
      { id: "status", title: "Status", order: rank, cell: (one) => badge(one.status === "OPEN" ? "ok" : one.status === "ALLOCATED" ? "busy" : "idle", words(one.status)) },
      { id: "replication", title: "Replication", order: replication, cell: replication },
      { id: "leader", title: "Leader", order: (one) => one.leaderNode, cell: (one) => one.leaderNode || (leaderless(one) ? badge("warn", "none", "Clients cannot write to it until its datanodes elect a leader") : "") },
      { id: "datanodes", title: "Datanodes", order: (one) => one.datanodes.length, cell: (one) => h("span", { class: "replicas" }, one.datanodes.map((member) => datanodeLink(member.uuidString, member.hostName))) },
      { id: "containers", title: "Open containers", number: true, order: (one) => one.containers, cell: (one) => count(one.containers) },
      { id: "age", title: "Age", number: true, order: (one) => one.duration, cell: (one) => age(one.duration) },
      ...(elections ? [
        { id: "elections", title: "Elections", number: true, order: (/** @type {Pipeline} */ one) => one.leaderElections, cell: (/** @type {Pipeline} */ one) => count(one.leaderElections) },
        { id: "elected", title: "Last election", number: true, order: (/** @type {Pipeline} */ one) => one.lastLeaderElection, cell: (/** @type {Pipeline} */ one) => (one.lastLeaderElection ? `${age(one.lastLeaderElection)} ago` : "") },
      ] : []),
    ],
  });
}
