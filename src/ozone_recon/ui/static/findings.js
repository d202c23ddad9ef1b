// What is wrong with a cluster, what that means, and what to do about it: from the API's answers, the worst first.

import { age, count, percent, things } from "./format.js";
import { datanodeLink } from "./links.js";
import { FILLING, FULL, disk } from "./parts/disk.js";
import { since } from "./parts/since.js";
import { LISTS, QUASI_CLOSED } from "./unhealthy.js";

/** @typedef {import("./dom.js").Child} Child */
/** @typedef {import("./pages/datanodes.js").Datanode} Datanode */
/** @typedef {{tone: "bad" | "warn" | "info", title: Child[], means: Child[], todo: Child[], href: string}} Finding `href` leads to more about it */

/**
 * What is asked for: answers of the API, or `{unknown}` for one that it has not.
 * @typedef {{state: any, tasks: any[], datanodes: any, missing: any, quasi: any, leaving: any}} Answers
 */

/** Ages from which on data is old, in ms. */
const OLD = { om: 300_000, cluster: 600_000, scm: 25 * 3_600_000 };

/** @param {Answers} answers @param {import("./api.js").Freshness | null} heard @returns {Finding[]} */
export function findings(answers, heard) {
  const datanodes = /** @type {Datanode[]} */ (answers.datanodes.datanodes ?? []);
  const found = [
    ...ofContainers(answers, datanodes),
    ...(answers.datanodes.unknown ? [] : ofDatanodes(datanodes)),
    ...(answers.datanodes.unknown ? [] : ofSpace(answers.state, datanodes)),
    ...ofLeaving(answers.leaving.DatanodesDecommissionInfo ?? []),
    ...ofTasks(answers.tasks),
    ...ofAges(heard),
  ];
  const order = ["bad", "warn", "info"];
  return found.sort((a, b) => order.indexOf(a.tone) - order.indexOf(b.tone));
}

/** @param {Answers} answers @param {Datanode[]} datanodes @returns {Finding[]} */
function ofContainers({ missing, quasi }, datanodes) {
  const found = LISTS.filter((list) => missing[list.counted] > 0).map((list) => /** @type {Finding} */ ({
    tone: list.tone, title: [things(missing[list.counted], "container", list.are)], means: [list.means], todo: [list.todo], href: `#/containers?list=${list.id}`,
  }));
  const worst = found.find((one) => one.tone === "bad");
  if (worst) Object.assign(worst, { means: [lost(missing), " ", ...worst.means], todo: [...whoHadThem(missing.containers, datanodes), ...worst.todo] });
  if (quasi.quasiClosedCount > 0) {
    found.push({ tone: "warn", title: [things(quasi.quasiClosedCount, "container", QUASI_CLOSED.are)], means: [QUASI_CLOSED.means], todo: [QUASI_CLOSED.todo], href: "#/containers?list=QUASI_CLOSED" });
  }
  return found;
}

/** @param {{missingCount: number, containers: {keys: number}[]}} missing */
function lost({ missingCount, containers }) {
  const blocks = containers.reduce((sum, one) => sum + one.keys, 0);
  return `${missingCount > containers.length ? "More than " : ""}${things(blocks, "block", "are")} affected.`;
}

/** The datanodes that might bring containers back, and how many each. @param {any[]} containers @param {Datanode[]} datanodes @returns {Child[]} */
function whoHadThem(containers, datanodes) {
  const had = /** @type {Map<string, number>} */ (new Map());
  for (const { replicas } of containers) {
    for (const { datanodeUuid, isPresent } of replicas) if (!isPresent) had.set(datanodeUuid, (had.get(datanodeUuid) ?? 0) + 1);
  }
  const silent = datanodes.filter((one) => one.state === "DEAD" && had.has(one.uuid)).sort((a, b) => (had.get(b.uuid) ?? 0) - (had.get(a.uuid) ?? 0));
  return silent.length === 0 ? [] : [...names(silent, (one) => ` (had ${count(had.get(one.uuid) ?? 0)})`), silent.length === 1 ? " is dead: start it first. " : " are dead: start them first. "];
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
      todo: ["Start datanodes; see that ozone.recon.address is where they find Recon."], href: "#/datanodes",
    },
    dead.length > 0 && {
      tone: "bad", title: [things(dead.length, "datanode", "are dead"), ": ", ...names(dead)], means: ["Their replicas do not count. SCM copies what they had from other replicas, where there are any."],
      todo: ["Start them again, or look into their logs. Have Recon forget those that are gone for good."], href: "#/datanodes?show=DEAD",
    },
    broken.length > 0 && {
      tone: "bad", title: [things(disks, "disk", "have failed"), " in ", ...names(broken)], means: ["What was on them is copied from other replicas."],
      todo: ["Replace the disks, and restart these datanodes."], href: "#/datanodes?show=FAILED",
    },
    stale.length > 0 && {
      tone: "warn", title: [things(stale.length, "datanode", "have fallen silent"), ": ", ...names(stale)], means: ["They count as dead before long."],
      todo: ["See whether they run, and reach Recon and SCM."], href: "#/datanodes?show=STALE",
    },
    readonly.length > 0 && {
      tone: "warn", title: [things(readonly.length, "datanode", "take no writes"), ": ", ...names(readonly)], means: ["Their layout is older than SCM's: an upgrade is not finalised."],
      todo: ["Finalise the upgrade, or wait until it is done."], href: "#/datanodes",
    },
    leaderless.size > 0 && {
      tone: "warn", title: [things(leaderless.size, "pipeline", "have no leader")], means: ["Nothing can be written in them."],
      todo: ["Their datanodes elect one in seconds. If they do not, see whether they reach each other."], href: "#/pipelines?show=LEADERLESS",
    },
  ]);
  return /** @type {Finding[]} */ (found.filter((one) => one));
}

/** @param {any} state @param {Datanode[]} datanodes @returns {Finding[]} */
function ofSpace(state, datanodes) {
  const found = /** @type {Finding[]} */ ([]);
  const whole = disk(state.storageReport);
  if (whole && whole.share >= FILLING) {
    found.push({
      tone: whole.share >= FULL ? "bad" : "warn", title: [`The disks are ${percent(whole.share, 1)} full`], means: ["SCM needs room to write, and to copy what a dead datanode had."],
      todo: ["Add datanodes or disks, or delete what is not needed."], href: "#/namespace",
    });
  }
  const full = datanodes.filter((one) => one.state !== "DEAD" && (disk(one.storageReport)?.share ?? 0) >= FULL);
  if (full.length > 0) {
    found.push({
      tone: "warn", title: [things(full.length, "datanode", "are nearly full"), ": ", ...names(full)], means: ["Soon nothing more is written to them."],
      todo: ["Have the containers balanced (ozone admin containerbalancer start), or add disks."], href: "#/datanodes?sort=full&order=desc",
    });
  }
  return found;
}

/** @param {import("./pages/datanodes.js").Leaving[]} leaving @returns {Finding[]} */
function ofLeaving(leaving) {
  return leaving.map(({ datanodeDetails: { uuidString, hostName }, metrics, containers }) => {
    const waits = Object.values(containers).reduce((sum, ids) => sum + ids.length, 0);
    return {
      tone: "info", title: [datanodeLink(uuidString, hostName), " leaves the service"],
      means: [metrics ? since(metrics.decommissionStartedAt, " ago it was told to. ") : "", waits ? `It waits for ${things(waits, "container")}.` : "It waits for nothing that SCM tells."],
      todo: ["Nothing, but keep it running until it is decommissioned."], href: `#/datanodes?node=${uuidString}`,
    };
  });
}

/** @param {any[]} tasks @returns {Finding[]} */
function ofTasks(tasks) {
  return tasks.filter((task) => task.lastTaskRunStatus < 0).map((task) => ({
    tone: "warn", title: [`${task.taskName} fails`], means: [task.message ? `${task.message}. ` : "", "What is shown is what was known before."],
    todo: ["It is tried again by itself. If it goes on failing, see whether OM and SCM can be reached from here."], href: "#/tasks",
  }));
}

/** @param {import("./api.js").Freshness | null} heard @returns {Finding[]} */
function ofAges(heard) {
  const old = /** @type {[string, number | null | undefined, number][]} */ ([
    ["OM", heard?.ageMs, OLD.om], ["the datanodes", heard?.clusterAgeMs, OLD.cluster], ["SCM", heard?.scmAgeMs, OLD.scm],
  ]).filter(([, ms, most]) => (ms ?? 0) > most);
  return heard?.followsCluster ? old.map(([of, ms]) => ({
    tone: "warn", title: [`What is known of ${of} is ${age(ms ?? 0)} old`], means: ["It may be otherwise by now."],
    todo: ["See the tasks for why, and have them run."], href: "#/tasks",
  })) : [];
}

/** Some of their hosts, as links. @param {Datanode[]} some @param {(one: Datanode) => string} [more] what to say behind each @returns {Child[]} */
function names(some, more = () => "") {
  const SHOWN = 4;
  const shown = some.slice(0, some.length > SHOWN + 1 ? SHOWN : SHOWN + 1);
  const rest = some.length - shown.length;
  return [...shown.flatMap((one, i) => [i ? ", " : "", datanodeLink(one.uuid, one.hostname), more(one)]), rest > 0 && ` and ${count(rest)} more`];
}
