// The only way to the server: GET below /api/v1, with the age of the data that each answer carries.

/** @typedef {{sequenceNumber: number, ageMs: number, receivedAt: number}} Freshness */

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

/** Calls `listener` with the freshness of every answer. @param {(freshness: Freshness) => void} listener */
export function onFreshness(listener) {
  listeners.add(listener);
}

/**
 * @param {string} path below /api/v1, without a leading slash
 * @param {Record<string, string | number | boolean>} [query]
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>} the answer's JSON
 */
export async function get(path, query = {}, signal) {
  const parameters = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]));
  const url = `api/v1/${path}${parameters.size ? `?${parameters}` : ""}`;
  const response = await fetch(url, { signal, headers: { Accept: "application/json" } });
  const age = response.headers.get("X-Recon-Data-Age-Ms");
  if (age !== null) {
    const freshness = {
      sequenceNumber: Number(response.headers.get("X-Recon-Sequence-Number")),
      ageMs: Number(age),
      receivedAt: Date.now(),
    };
    for (const listener of listeners) listener(freshness);
  }
  if (!response.ok) {
    const body = await response.json().catch(() => ({}));
    throw new ApiError(body.message ?? `The server answered ${response.status} to ${url}.`, response.status);
  }
  return response.json();
}
