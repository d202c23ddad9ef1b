// Creates elements: h() for HTML, s() for SVG. Strings become text nodes, never markup.

/** @typedef {Node | string | number | null | undefined | false} Child */
/** @typedef {Record<string, string | number | boolean | null | undefined | ((event: any) => void)>} Attributes */

/**
 * @param {Element} element
 * @param {Attributes} attributes functions named `on…` become listeners, `true` an empty attribute; `null` and `false` are left out
 * @param {(Child | Child[])[]} children
 */
function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, String(value));
  }
  element.append(...nodes(children));
}

/** @param {(Child | Child[])[]} children @returns {(Node | string)[]} */
function nodes(children) {
  return children.flat()
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : String(child)));
}

/** Replaces an element's children. @param {Element} element @param {(Child | Child[])[]} children */
export function put(element, ...children) {
  element.replaceChildren(...nodes(children));
}

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag @param {Attributes} [attributes] @param {(Child | Child[])[]} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  fill(element, attributes, children);
  return element;
}

/**
 * @template {keyof SVGElementTagNameMap} T
 * @param {T} tag @param {Attributes} [attributes] @param {(Child | Child[])[]} children
 * @returns {SVGElementTagNameMap[T]}
 */
export function s(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  fill(element, attributes, children);
  return element;
}

/**
 * Redraws an element and restores the focus to the same link or field, if it still exists.
 * @param {HTMLElement} within @param {() => void} draw
 */
export function keepFocus(within, draw) {
  const focused = /** @type {HTMLElement | null} */ (document.activeElement);
  const inside = focused !== null && focused !== within && within.contains(focused);
  const caret = focused instanceof HTMLInputElement && focused.type === "search" ? focused.selectionStart : null;
  draw();
  if (!inside) return;
  const href = focused.getAttribute("href");
  const successor = /** @type {HTMLElement | null} */ (
    focused.id ? document.getElementById(focused.id) : href ? within.querySelector(`a[href="${CSS.escape(href)}"]`) : null);
  successor?.focus({ preventScroll: true });
  if (successor instanceof HTMLInputElement && caret !== null) successor.setSelectionRange(caret, caret);
}
