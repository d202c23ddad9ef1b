// What a page shows is in its URL: `#/page?name=value`; what is as it is at first is left out.

/**
 * @template {Record<string, string>} S
 * @param {S} first what it is at first
 * @param {URLSearchParams} parameters
 * @returns {S}
 */
export function stateOf(first, parameters) {
  const names = /** @type {(keyof S & string)[]} */ (Object.keys(first));
  return /** @type {S} */ (Object.fromEntries(names.map((name) => [name, parameters.get(name) ?? first[name]])));
}

/**
 * @template {Record<string, string>} S
 * @param {string} page @param {S} first @param {Partial<S>} state
 */
export function urlOf(page, first, state) {
  const changed = Object.entries(state).filter(([name, value]) => value !== undefined && value !== first[name]);
  const parameters = new URLSearchParams(/** @type {[string, string][]} */ (changed));
  return `#/${page}${parameters.size ? `?${parameters}` : ""}`;
}

/**
 * Keeps a state in the URL without a step in the history. For what somebody does, never for what is drawn: by then the
 * URL may name another page already, which this one would take the place of.
 * @param {string} url
 */
export function remember(url) {
  history.replaceState(null, "", url);
}
