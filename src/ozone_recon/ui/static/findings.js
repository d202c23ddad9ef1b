// Findings: the cluster's problems with their meaning and remedy, derived from API responses, the worst first.

import { age, count, percent, things } from "./format.js";
import { datanodeLink } from "./links.js";
import { FILLING, FULL, disk } from "./parts/disk.js";
import { since } from "./parts/since.js";
import { LISTS, QUASI_CLOSED } from "./unhealthy.js";

/** @typedef {import("./dom.js").Child} Child */
/** @typedef {import("./pages/datanodes.js").Datanode} Datanode */
/** @typedef {{tone: "bad" | "warn" | "info", title: Child[], means: Child[], todo: Child[], href: string}} Finding `href` is the page with the details */

/**
 * API responses; `{unknown}` stands for one that is not available yet.
 * @typedef {{state: any, tasks: any[], datanodes: any, missing: any, quasi: any, decommissioning: any}} Answers
 */

/** Data older than this is a finding, in ms. */
const OLD = { om: 300_000, cluster: 600_000, scm: 25 * 3_600_000 };

/** @param {Answers} answers @param {import("./api.js").Freshness | null} fresh @returns {Finding[]} */
export function findings(answers, fresh) {
  const datanodes = /** @type {Datanode[]} */ (answers.datanodes.datanodes ?? []);
  const all = [
    ...ofContainers(answers, datanodes),
    ...(answers.datanodes.unknown ? [] : ofDatanodes(datanodes)),
    ...(answers.datanodes.unknown ? [] : ofSpace(answers.state, datanodes)),
    ...ofDecommissioning(answers.decommissioning.DatanodesDecommissionInfo ?? []),
    ...ofTasks(answers.tasks),
    ...ofAges(fresh),
  ];
  const order = ["bad", "warn", "info"];
  return all.sort((a, b) => order.indexOf(a.tone) - order.indexOf(b.tone));
}

/** @param {Answers} answers @param {Datanode[]} datanodes @returns {Finding[]} */
function ofContainers({ missing, quasi }, datanodes) {
  const found = LISTS.filter((list) => missing[list.counted] > 0).map((list) => /** @type {Finding} */ ({
    tone: list.tone, title: [things(missing[list.counted], "container", list.are)], means: [list.means], todo: [list.todo], href: `#/containers?list=${list.id}`,
  }));
  const worst = found.find((one) => one.tone === "bad");
  if (worst) Object.assign(worst, { means: [affected(missing), " ", ...worst.means], todo: [...formerHolders(missing.containers, datanodes), ...worst.todo] });
  if (quasi.quasiClosedCount > 0) {
    found.push({ tone: "warn", title: [things(quasi.quasiClosedCount, "container", QUASI_CLOSED.are)], means: [QUASI_CLOSED.means], todo: [QUASI_CLOSED.todo], href: "#/containers?list=QUASI_CLOSED" });
  }
  return found;
}

/** @param {{missingCount: number, containers: {keys: number}[]}} missing */
function affected({ missingCount, containers }) {
  const blocks = containers.reduce((sum, one) => sum + one.keys, 0);
  return `${missingCount > containers.length ? "More than " : ""}${things(blocks, "block", "are")} affected.`;
}

/** Dead datanodes that held replicas of these containers, with the number of containers of each. @param {any[]} containers @param {Datanode[]} datanodes @returns {Child[]} */
function formerHolders(containers, datanodes) {
  const had = /** @type {Map<string, number>} */ (new Map());
  for (const { replicas } of containers) {
    for (const { datanodeUuid, isPresent } of replicas) if (!isPresent) had.set(datanodeUuid, (had.get(datanodeUuid) ?? 0) + 1);
  }
  const dead = datanodes.filter((one) => one.state === "DEAD" && had.has(one.uuid)).sort((a, b) => (had.get(b.uuid) ?? 0) - (had.get(a.uuid) ?? 0));
  return dead.length === 0 ? [] : [...names(dead, (one) => ` (had ${count(had.get(one.uuid) ?? 0)})`), dead.length === 1 ? " is dead: start it first. " : " are dead: start them first. "];
}

/** @param {Datanode[]} datanodes @returns {Finding[]} */
function ofDatanodes(datanodes) {
  const in_service = datanodes.filter((one) => (one.opState ?? "IN_SERVICE") === "IN_SERVICE");
  const dead = datanodes.filter((one) => one.state === "DEAD" && !["DECOMMISSIONED", "IN_MAINTENANCE"].includes(one.opState ?? ""));
  const stale = datanodes.filter((one) => one.state === "STALE");
  const readonly = datanodes.filter((one) => one.state === "HEALTHY_READONLY");
  const broken = datanodes.filter((one) => (one.storageReport?.failedVolumes ?? 0) > 0);
  const disks = broken.reduce((sum, one) => sum + (one.storageReport?.failedVolumes ?? 0), 0);
  const leaderless = new Set(datanodes.flatMap((one) => one.pipelines ?? []).filter((one) => one.replicationType === "RATIS" && !one.leaderNode).map((one) => one.pipelineID));
  const found = /** @type {(Finding | false)[]} */ ([
    !in_service.some((one) => one.state === "HEALTHY") && {
      tone: "bad", title: ["No datanode is healthy and in service"], means: ["Nothing can be written."],
      todo: ["Start datanodes; check that their ozone.recon.address points at this Recon."], href: "#/datanodes",
    },
    dead.length > 0 && {
      tone: "bad", title: [things(dead.length, "datanode", "are dead"), ": ", ...names(dead)], means: ["Their replicas do not count. SCM re-replicates their containers from the remaining replicas."],
      todo: ["Start them, or check their logs. Remove those that will not come back."], href: "#/datanodes?show=DEAD",
    },
    broken.length > 0 && {
      tone: "bad", title: [things(disks, "disk", "have failed"), " in ", ...names(broken)], means: ["SCM re-replicates their containers from other replicas."],
      todo: ["Replace the disks, then restart these datanodes."], href: "#/datanodes?show=FAILED",
    },
    stale.length > 0 && {
      tone: "warn", title: [things(stale.length, "datanode", "are stale"), ": ", ...names(stale)], means: ["No heartbeat for a while; they are declared dead soon."],
      todo: ["Check that they run and can reach Recon and SCM."], href: "#/datanodes?show=STALE",
    },
    readonly.length > 0 && {
      tone: "warn", title: [things(readonly.length, "datanode", "are read-only"), ": ", ...names(readonly)], means: ["Their layout version is older than SCM's: the upgrade is not finalized."],
      todo: ["Finalize the upgrade, or wait until it is finalized."], href: "#/datanodes",
    },
    leaderless.size > 0 && {
      tone: "warn", title: [things(leaderless.size, "pipeline", "have no leader")], means: ["Clients cannot write to them."],
      todo: ["The datanodes elect a leader within seconds. If they do not, check the network between them."], href: "#/pipelines?show=LEADERLESS",
    },
  ]);
  return /** @type {Finding[]} */ (found.filter((one) => one));
}

/** @param {any} state @param {Datanode[]} datanodes @returns {Finding[]} */
function ofSpace(state, datanodes) {
  const found = /** @type {Finding[]} */ ([]);
  const total = disk(state.storageReport);
  if (total && total.share >= FILLING) {
    found.push({
      tone: total.share >= FULL ? "bad" : "warn", title: [`The cluster is ${percent(total.share, 1)} full`], means: ["Writes and re-replication need free space."],
      todo: ["Add datanodes or disks, or delete data."], href: "#/namespace",
    });
  }
  const full = datanodes.filter((one) => one.state !== "DEAD" && (disk(one.storageReport)?.share ?? 0) >= FULL);
  if (full.length > 0) {
    found.push({
      tone: "warn", title: [things(full.length, "datanode", "are nearly full"), ": ", ...names(full)], means: ["SCM will soon stop writing to them."],
      todo: ["Start the container balancer (ozone admin containerbalancer start), or add disks."], href: "#/datanodes?sort=full&order=desc",
    });
  }
  return found;
}

/** @param {import("./pages/datanodes.js").Decommissioning[]} decommissioning @returns {Finding[]} */
function ofDecommissioning(decommissioning) {
  return decommissioning.map(({ datanodeDetails: { uuidString, hostName }, metrics, containers }) => {
    const remaining = Object.values(containers).reduce((sum, ids) => sum + ids.length, 0);
    return {
      tone: "info", title: [datanodeLink(uuidString, hostName), " is decommissioning"],
      means: [metrics ? ["Started ", since(metrics.decommissionStartedAt, " ago. ")] : "", remaining ? `${things(remaining, "container")} remaining.` : "SCM reports no remaining containers."].flat(),
      todo: ["None; keep it running until it is decommissioned."], href: `#/datanodes?node=${uuidString}`,
    };
  });
}

/** @param {any[]} tasks @returns {Finding[]} */
function ofTasks(tasks) {
  return tasks.filter((task) => task.lastTaskRunStatus < 0).map((task) => ({
    tone: "warn", title: [`${task.taskName} fails`], means: [task.message ? `${task.message}. ` : "", "The last known data is shown."],
    todo: ["Recon retries it. If it keeps failing, check that this host can reach OM and SCM."], href: "#/tasks",
  }));
}

/** @param {import("./api.js").Freshness | null} fresh @returns {Finding[]} */
function ofAges(fresh) {
  const old = /** @type {[string, number | null | undefined, number][]} */ ([
    ["OM data", fresh?.ageMs, OLD.om], ["Datanode data", fresh?.clusterAgeMs, OLD.cluster], ["SCM data", fresh?.scmAgeMs, OLD.scm],
  ]).filter(([, ms, limit]) => (ms ?? 0) > limit);
  return fresh?.followsCluster ? old.map(([of, ms]) => ({
    tone: "warn", title: [`${of} is ${age(ms ?? 0)} old`], means: ["The current state may differ."],
    todo: ["Check the tasks for the reason, and run them."], href: "#/tasks",
  })) : [];
}

/** Links to the first hosts. @param {Datanode[]} some @param {(one: Datanode) => string} [more] text after each @returns {Child[]} */
function names(some, more = () => "") {
  const SHOWN = 4;
  const shown = some.slice(0, some.length > SHOWN + 1 ? SHOWN : SHOWN + 1);
  const rest = some.length - shown.length;
  return [...shown.flatMap((one, i) => [i ? ", " : "", datanodeLink(one.uuid, one.hostname), more(one)]), rest > 0 && ` and ${count(rest)} more`];
}
