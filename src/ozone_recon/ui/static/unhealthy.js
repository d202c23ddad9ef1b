// The meaning and remedy of each list of unhealthy containers.

/**
 * @typedef {object} List
 * @property {string} id the state's name in the API
 * @property {string} title
 * @property {string} counted the field of /containers/unhealthy with its count
 * @property {"bad" | "warn" | "info"} tone
 * @property {string} are the predicate: "12 containers …"
 * @property {string} means
 * @property {string} todo
 */

/** The worst first. @type {List[]} */
export const LISTS = [
  {
    id: "MISSING", title: "Missing", counted: "missingCount", tone: "bad", are: "cannot be read",
    means: "Too few replicas are left: reading a key with a block in such a container fails.",
    todo: "Start the datanodes that held the replicas. If the replicas are lost, restore or delete the keys.",
  },
  {
    id: "UNDER_REPLICATED", title: "Under-replicated", counted: "underReplicatedCount", tone: "warn", are: "have too few replicas",
    means: "They are readable, but the next failure may lose data.",
    todo: "SCM re-replicates them. If their number does not fall, check that enough datanodes in service have free space, and check SCM's log.",
  },
  {
    id: "REPLICA_MISMATCH", title: "Mismatched", counted: "replicaMismatchCount", tone: "warn", are: "have replicas that differ",
    means: "The data checksums of their replicas differ: some replicas may be corrupt or lack blocks.",
    todo: "Reconcile them: ozone admin container reconcile with the container's id.",
  },
  {
    id: "MIS_REPLICATED", title: "Mis-replicated", counted: "misReplicatedCount", tone: "warn", are: "have replicas in too few racks",
    means: "The loss of one rack may make them unreadable.",
    todo: "SCM moves replicas if datanodes in other racks have free space.",
  },
  {
    id: "NEGATIVE_SIZE", title: "Negative size", counted: "negativeSizeCount", tone: "info", are: "have a negative size",
    means: "Their datanodes report wrong used bytes; SCM may overfill them.",
    todo: "No data is lost. A container scan or a datanode restart recounts the bytes.",
  },
  {
    id: "OVER_REPLICATED", title: "Over-replicated", counted: "overReplicatedCount", tone: "info", are: "have more replicas than they need",
    means: "They use more space than needed; this is normal for a while after a datanode returns.",
    todo: "None: SCM deletes the excess replicas.",
  },
  {
    id: "EMPTY_MISSING", title: "Missing, empty", counted: "emptyMissingCount", tone: "info", are: "have no replicas and no blocks",
    means: "No data is lost: they were empty.",
    todo: "None: SCM deletes them.",
  },
];

export const QUASI_CLOSED = {
  are: "are quasi-closed",
  means: "Their pipeline failed before all replicas reached the same block commit sequence id.",
  todo: "SCM closes them once enough replicas are reported. If they stay, start the datanodes with the other replicas.",
};
