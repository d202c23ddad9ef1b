// What it means for a container to be in one of Recon's lists, and what to do about it.

/**
 * @typedef {object} List
 * @property {string} id the state's name in the API
 * @property {string} title
 * @property {string} counted the field of /containers/unhealthy that counts it
 * @property {"bad" | "warn" | "info"} tone
 * @property {string} are what such containers are: "12 containers …"
 * @property {string} means
 * @property {string} todo
 */

/** The worst first. @type {List[]} */
export const LISTS = [
  {
    id: "MISSING", title: "Missing", counted: "missingCount", tone: "bad", are: "cannot be read",
    means: "Too few replicas are left to read them: reading a key that has blocks in one fails.",
    todo: "Bring back the datanodes that had the replicas. If they are lost for good, restore the keys from elsewhere, or delete them.",
  },
  {
    id: "UNDER_REPLICATED", title: "Under-replicated", counted: "underReplicatedCount", tone: "warn", are: "have too few replicas",
    means: "They can be read, but the next failure may cost data.",
    todo: "SCM has them copied by itself. If they do not become fewer, see whether enough datanodes in service have room, and SCM's log.",
  },
  {
    id: "REPLICA_MISMATCH", title: "Mismatched", counted: "replicaMismatchCount", tone: "warn", are: "have replicas that differ",
    means: "Their replicas have different checksums of their data: some may be damaged, or miss blocks.",
    todo: "Have their datanodes reconcile them: ozone admin container reconcile with the container's number.",
  },
  {
    id: "MIS_REPLICATED", title: "Misplaced", counted: "misReplicatedCount", tone: "warn", are: "have replicas in too few racks",
    means: "Losing one rack may make them unreadable.",
    todo: "SCM has them moved by itself, if other racks have datanodes with room.",
  },
  {
    id: "NEGATIVE_SIZE", title: "Negative size", counted: "negativeSizeCount", tone: "info", are: "have a size below zero",
    means: "Their datanodes count their bytes wrongly; SCM may fill them beyond their size.",
    todo: "Nothing is lost. A container scan, or a restart of their datanodes, has the bytes counted anew.",
  },
  {
    id: "OVER_REPLICATED", title: "Over-replicated", counted: "overReplicatedCount", tone: "info", are: "have more replicas than they need",
    means: "They take up more room than they need, as is usual for a while after a datanode came back.",
    todo: "Nothing: SCM has the superfluous ones deleted.",
  },
  {
    id: "EMPTY_MISSING", title: "Missing, empty", counted: "emptyMissingCount", tone: "info", are: "have no replicas, and no blocks",
    means: "Nothing is lost: nothing was in them.",
    todo: "Nothing: SCM deletes them in time.",
  },
];

export const QUASI_CLOSED = {
  are: "are quasi-closed",
  means: "Their pipeline broke before all replicas had the same last block.",
  todo: "SCM closes them once it has heard of enough replicas. If they stay, bring back the datanodes that have the others.",
};
