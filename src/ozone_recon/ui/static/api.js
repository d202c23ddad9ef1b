// The HTTP client: requests below /api/v1, and the data age from every response's headers.

/**
 * The age of a response's data on arrival, in milliseconds; null for sources the server does not follow or has not read.
 * @typedef {object} Freshness
 * @property {number | null} sequenceNumber of OM's database
 * @property {number | null} ageMs of the OM data
 * @property {number | null} clusterAgeMs of the datanode data
 * @property {number | null} scmAgeMs since the last full read of SCM
 * @property {boolean} followsCluster
 * @property {string} user who is logged in; empty if nobody is
 * @property {number} receivedAt ms since 1970, by the browser's clock
 */

/**
 * A current or former replica: Recon's ContainerHistory. Times are ms since 1970.
 * @typedef {{datanodeUuid: string, datanodeHost: string, firstSeenTime: number, lastSeenTime: number, lastBcsId: number, state: string, dataChecksum: number, replicaIndex: number, isPresent: boolean}} Replica
 */

/** An error response, with the server's message. */
export class ApiError extends Error {
  /** @param {string} message @param {number} status */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** @type {Set<(freshness: Freshness) => void>} */
const listeners = new Set();

/** Freshness of the latest response; null before the first. @type {Freshness | null} */
let newest = null;

/** Calls `listener` with the freshness of every response. @param {(freshness: Freshness) => void} listener */
export function onFreshness(listener) {
  listeners.add(listener);
}

/** The server's clock minus the browser's, in milliseconds. */
let clockOffset = 0;

/** The time by the server's clock, ms since 1970. */
export function now() {
  return Date.now() + clockOffset;
}

/** The freshness of the latest response; null before the first. */
export function freshness() {
  return newest;
}

/**
 * @param {string} path below /api/v1, without a leading slash
 * @param {Record<string, string | number | boolean>} [query]
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>} the response's JSON; null for 204 No Content
 */
export function get(path, query = {}, signal) {
  const parameters = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]));
  return request(`${path}${parameters.size ? `?${parameters}` : ""}`, { signal });
}

/**
 * Sends a request that changes state.
 * @param {"POST" | "PUT"} method @param {string} path @param {unknown} [body] sent as JSON
 * @returns {Promise<any>} the response's JSON
 */
export function send(method, path, body) {
  const headers = { "Content-Type": "application/json" };
  return request(path, body === undefined ? { method } : { method, headers, body: JSON.stringify(body) });
}

/**
 * Turns 404, 502 and 503 into a value, so that a page can show its other parts.
 * @param {Promise<any>} response
 * @returns {Promise<any>} the response, or `{unknown: message}`
 */
export function ifKnown(response) {
  return response.catch((error) => {
    if (error instanceof ApiError && [404, 502, 503].includes(error.status)) return { unknown: error.message };
    throw error;
  });
}

/** @param {string} path @param {RequestInit} options */
async function request(path, options) {
  const url = `api/v1/${path}`;
  const response = await fetch(url, { ...options, headers: { Accept: "application/json", ...options.headers } });
  readFreshness(response.headers);
  if (!response.ok) {
    const body = await response.json().catch(() => ({}));
    throw new ApiError(body.message ?? refusal(response) ?? `Recon returned HTTP ${response.status} for ${url}.`, response.status);
  }
  return response.status === 204 ? null : response.json();
}

/** Who is refused and what to do, for the empty 403 of those without access. @param {Response} response */
function refusal(response) {
  if (response.status !== 403) return undefined;
  const user = response.headers.get("X-Recon-User");
  if (!user) return "You are not logged in, and this Recon shows its data to administrators and readers only.";
  if (response.headers.get("X-Recon-Access") === "OWN") {
    return `You are logged in as ${user}, who may see what it owns, and nothing else. It is listed on the page Namespace.`;
  }
  return `You are logged in as ${user}, who is neither an administrator nor a reader of this Recon. Ask its operator for ozone.recon.http.readers (to read) or ozone.recon.administrators (to read and change).`;
}

/** @param {Headers} headers */
function readFreshness(headers) {
  const number = (/** @type {string} */ name) => {
    const value = headers.get(name);
    return value === null ? null : Number(value);
  };
  const date = Date.parse(headers.get("Date") ?? "");
  // The Date header has a resolution of one second.
  clockOffset = Math.abs(date - Date.now()) > 2000 ? date - Date.now() : 0;
  const latest = newest = {
    sequenceNumber: number("X-Recon-Sequence-Number"),
    ageMs: number("X-Recon-Data-Age-Ms"),
    clusterAgeMs: number("X-Recon-Cluster-Age-Ms"),
    scmAgeMs: number("X-Recon-Scm-Age-Ms"),
    user: headers.get("X-Recon-User") ?? "",
    followsCluster: headers.get("X-Recon-Follows-Cluster") === "true",
    receivedAt: Date.now(),
  };
  for (const listener of listeners) listener(latest);
}
