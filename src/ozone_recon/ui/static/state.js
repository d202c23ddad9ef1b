// Keeps a page's state in its URL, `#/page?name=value`; default values are left out.

/**
 * @template {Record<string, string>} S
 * @param {S} first the default state
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
 * Stores a state in the URL without adding a history entry. Call it only from event handlers: while drawing, the URL may
 * already name another page, and this call would overwrite it.
 * @param {string} url
 */
export function remember(url) {
  history.replaceState(null, "", url);
}
