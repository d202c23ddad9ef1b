// One container: its health, current and former replicas, and keys.

import { get, ifKnown } from "../api.js";
import { h, put } from "../dom.js";
import { bytes, count, things } from "../format.js";
import { datanodeLink, pathLink, pipelineLink } from "../links.js";
import { live } from "../live.js";
import { badge, sign, words } from "../parts/badge.js";
import { fact, facts } from "../parts/facts.js";
import { notice } from "../parts/notice.js";
import { pager } from "../parts/pager.js";
import { since } from "../parts/since.js";
import { table } from "../parts/table.js";
import { trail } from "../parts/trail.js";
import { LISTS } from "../unhealthy.js";

const KEYS = 100;

/** @typedef {import("../api.js").Replica} Replica */
/** @typedef {{Volume: string, Bucket: string, Key: string, CompletePath: string, DataSize: number, Versions: number[], Blocks: Record<string, unknown[]>, ModificationTime: string}} Key */

/**
 * @param {HTMLElement} main @param {{id: string, keysAfter: string}} state
 * @param {(more: {id?: string, keysAfter?: string}) => string} url @param {AbortSignal} signal
 */
export function showContainer(main, state, url, signal) {
  const before = { limit: 1, prevKey: Number(state.id) - 1 };
  document.title = `Container ${state.id} · Recon`;
  const head = () => trail([["Containers", url({ id: "", keysAfter: "" })]], `Container ${state.id}`);
  return live({
    main,
    head: () => [head()],
    load: async (signal) => {
      const [listed, unhealthy, replicas, keys] = await Promise.all([
        get("containers", before, signal),
        ifKnown(get("containers/unhealthy", { limit: 1, minContainerId: before.prevKey }, signal)),
        ifKnown(get(`containers/${state.id}/replicaHistory`, {}, signal)),
        get(`containers/${state.id}/keys`, { limit: KEYS, prevKey: state.keysAfter }, signal),
      ]);
      return { listed, unhealthy, replicas, keys };
    },
    draw: ({ listed, unhealthy, replicas, keys }) => {
      const mine = (/** @type {any} */ one) => String(one.containerID ?? one.ContainerID) === state.id;
      const known = listed.data.containers.find(mine);
      const wrong = (unhealthy.containers ?? []).filter(mine);
      put(main,
        head(),
        known ? numbers(known, wrong, keys) : notice("empty", `SCM has no container ${state.id}${keys.totalKeys ? ", but OM has keys in it: they cannot be read" : ""}.`),
        wrong.map(advice),
        unhealthy.unknown && notice("waiting", unhealthy.unknown),
        h("h2", {}, "Replicas"),
        replicas.unknown ? notice("waiting", replicas.unknown) : replicaTable(replicas),
        h("h2", {}, "Keys"),
        keyTable(keys, state, url));
    },
  }, signal);
}

/** @param {any} known @param {any[]} wrong @param {any} keys */
function numbers(known, wrong, keys) {
  return facts(
    fact("State", known.State ? words(known.State) : "unknown"),
    known.UsedBytes !== null && fact("Replica size", bytes(known.UsedBytes), `${count(known.UsedBytes)} bytes`),
    fact("Blocks", count(known.NumberOfKeys), known.State ? "As counted by SCM" : "Of OM's keys"),
    fact("Keys", count(keys.totalKeys), "OM's keys with a block in this container"),
    wrong[0]?.pipelineID && fact("Pipeline", pipelineLink(wrong[0].pipelineID)));
}

/** @param {any} row of /containers/unhealthy */
function advice(row) {
  const list = LISTS.find(({ id }) => id === row.containerState);
  const tone = list?.tone === "info" ? "idle" : list?.tone ?? "warn";
  return h("div", { class: `notice advice ${tone}` }, h("p", {},
    sign(tone), h("b", {}, ` ${list?.title ?? words(row.containerState)}`), " for ", since(row.unhealthySince),
    `: ${row.reason.toLowerCase()}, ${row.actualReplicaCount} of ${row.expectedReplicaCount}. `, list?.means, " ", list?.todo));
}

/** @param {Replica[]} replicas */
function replicaTable(replicas) {
  if (replicas.length === 0) return notice("empty", "No datanode has reported a replica.");
  const ec = replicas.some((one) => one.replicaIndex > 0);
  const checksums = new Set(replicas.filter((one) => one.isPresent && !ec).map((one) => one.dataChecksum));
  return h("div", { class: "listing" }, table({
    caption: `${count(replicas.filter((one) => one.isPresent).length)} present, ${count(replicas.filter((one) => !one.isPresent).length)} gone`,
    rows: replicas,
    columns: [
      { id: "datanode", title: "Datanode", cell: (one) => datanodeLink(one.datanodeUuid, one.datanodeHost), exact: (one) => one.datanodeUuid },
      { id: "present", title: "Present", cell: (one) => (one.isPresent ? badge("ok", "Present") : badge("idle", "Gone", "Its datanode no longer reports it, or is dead")) },
      { id: "state", title: "State", cell: (one) => (one.state === "UNHEALTHY" ? badge("bad", "Unhealthy") : words(one.state)) },
      ...(ec ? [{ id: "index", title: "Index", number: true, cell: (/** @type {Replica} */ one) => String(one.replicaIndex) }] : []),
      { id: "last", title: "Last seen", number: true, cell: (one) => since(one.lastSeenTime, " ago") },
      { id: "first", title: "First seen", number: true, cell: (one) => since(one.firstSeenTime, " ago") },
      { id: "sequence", title: "Sequence id", number: true, cell: (one) => count(one.lastBcsId) },
      { id: "checksum", title: "Data checksum", number: true, cell: (one) => (one.dataChecksum ? h("code", { class: checksums.size > 1 && one.isPresent && "differs" }, one.dataChecksum.toString(16).padStart(8, "0")) : h("span", { class: "faint" }, "unknown")) },
    ],
  }));
}

/** @param {{totalKeys: number, keys: Key[], lastKey: string}} answer @param {{keysAfter: string}} state @param {(more: {keysAfter: string}) => string} url */
function keyTable({ totalKeys, keys, lastKey }, state, url) {
  if (keys.length === 0 && !state.keysAfter) return notice("empty", "OM has no key with a block in it.");
  return h("div", { class: "listing" },
    table({
      caption: keys.length === totalKeys ? things(totalKeys, "key") : `${count(keys.length)} of ${things(totalKeys, "key")}`,
      rows: keys,
      columns: [
        { id: "path", title: "Path", cell: (key) => path(key) },
        { id: "size", title: "Size", number: true, cell: (key) => bytes(key.DataSize), exact: (key) => `${count(key.DataSize)} bytes` },
        { id: "blocks", title: "Blocks here", number: true, cell: (key) => count(Object.values(key.Blocks).reduce((sum, blocks) => sum + blocks.length, 0)) },
        { id: "versions", title: "Versions", number: true, cell: (key) => count(key.Versions.length) },
        { id: "modified", title: "Modified", number: true, cell: (key) => since(Date.parse(key.ModificationTime), " ago") },
      ],
    }),
    pager({ first: state.keysAfter ? url({ keysAfter: "" }) : null, next: keys.length >= KEYS ? url({ keysAfter: lastKey }) : null }));
}

/** @param {Key} key */
function path(key) {
  return key.CompletePath
    ? pathLink(`/${key.CompletePath}`)
    : [`/${key.Volume}/${key.Bucket}/…/${key.Key}`, h("small", { class: "faint" }, "  in a deleted directory")];
}
