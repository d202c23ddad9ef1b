// The only way to the server: requests below /api/v1, with the age of the data that each answer carries.

/**
 * How old an answer was when it came, in milliseconds; null for what the server has not or does not follow.
 * @typedef {object} Freshness
 * @property {number | null} sequenceNumber of the OM's database
 * @property {number | null} ageMs of what is known of the OM
 * @property {number | null} clusterAgeMs of what is known of the datanodes
 * @property {number | null} scmAgeMs since all of SCM was read
 * @property {boolean} followsCluster
 * @property {number} receivedAt ms since 1970, by the browser's clock
 */

/**
 * A replica that a datanode has, or had: Recon's ContainerHistory. Times are ms since 1970.
 * @typedef {{datanodeUuid: string, datanodeHost: string, firstSeenTime: number, lastSeenTime: number, lastBcsId: number, state: string, dataChecksum: number, replicaIndex: number, isPresent: boolean}} Replica
 */

/** What the server said when it could not answer. */
export class ApiError extends Error {
  /** @param {string} message @param {number} status */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** @type {Set<(freshness: Freshness) => void>} */
const listeners = new Set();

/** Of the newest answer; null before the first. @type {Freshness | null} */
let newest = null;

/** Calls `listener` with the freshness of every answer. @param {(freshness: Freshness) => void} listener */
export function onFreshness(listener) {
  listeners.add(listener);
}

/** How far the server's clock is ahead of the browser's, in milliseconds. */
let ahead = 0;

/** The time by the server's clock, ms since 1970. */
export function now() {
  return Date.now() + ahead;
}

/** The freshness of the newest answer; null before the first. */
export function freshness() {
  return newest;
}

/**
 * @param {string} path below /api/v1, without a leading slash
 * @param {Record<string, string | number | boolean>} [query]
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>} the answer's JSON; null when the server answers that there is none
 */
export function get(path, query = {}, signal) {
  const parameters = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]));
  return ask(`${path}${parameters.size ? `?${parameters}` : ""}`, { signal });
}

/**
 * Has the server do something.
 * @param {"POST" | "PUT"} method @param {string} path @param {unknown} [body] sent as JSON
 * @returns {Promise<any>} the answer's JSON
 */
export function send(method, path, body) {
  const headers = { "Content-Type": "application/json" };
  return ask(path, body === undefined ? { method } : { method, headers, body: JSON.stringify(body) });
}

/**
 * What can be answered of a page of which some parts may be unknown as yet: the answer, or why there is none.
 * @param {Promise<any>} answer
 * @returns {Promise<any>} `{unknown: message}` when the server has it not
 */
export function ifKnown(answer) {
  return answer.catch((error) => {
    if (error instanceof ApiError && [404, 502, 503].includes(error.status)) return { unknown: error.message };
    throw error;
  });
}

/** @param {string} path @param {RequestInit} options */
async function ask(path, options) {
  const url = `api/v1/${path}`;
  const response = await fetch(url, { ...options, headers: { Accept: "application/json", ...options.headers } });
  hear(response.headers);
  if (!response.ok) {
    const body = await response.json().catch(() => ({}));
    throw new ApiError(body.message ?? `The server answered ${response.status} to ${url}.`, response.status);
  }
  return response.status === 204 ? null : response.json();
}

/** @param {Headers} headers */
function hear(headers) {
  const number = (/** @type {string} */ name) => {
    const value = headers.get(name);
    return value === null ? null : Number(value);
  };
  const date = Date.parse(headers.get("Date") ?? "");
  // The header has whole seconds.
  ahead = Math.abs(date - Date.now()) > 2000 ? date - Date.now() : 0;
  const heard = newest = {
    sequenceNumber: number("X-Recon-Sequence-Number"),
    ageMs: number("X-Recon-Data-Age-Ms"),
    clusterAgeMs: number("X-Recon-Cluster-Age-Ms"),
    scmAgeMs: number("X-Recon-Scm-Age-Ms"),
    followsCluster: headers.get("X-Recon-Follows-Cluster") === "true",
    receivedAt: Date.now(),
  };
  for (const listener of listeners) listener(heard);
}
