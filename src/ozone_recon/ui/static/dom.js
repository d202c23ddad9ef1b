// Makes elements: h() for HTML, s() for SVG. Text is always text, never markup.

/** @typedef {Node | string | number | null | undefined | false} Child */
/** @typedef {Record<string, string | number | boolean | null | undefined | ((event: any) => void)>} Attributes */

/**
 * @param {Element} element
 * @param {Attributes} attributes `on…` functions become listeners, `true` an empty attribute, `null`/`false` nothing
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

/** Puts children in the place of those that an element has. @param {Element} element @param {(Child | Child[])[]} children */
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
 * Draws something anew; what had the focus in it has it again, if it is still there.
 * @param {HTMLElement} within @param {() => void} draw
 */
export function keepFocus(within, draw) {
  const focused = /** @type {HTMLElement | null} */ (document.activeElement);
  const kept = focused !== null && focused !== within && within.contains(focused);
  const caret = focused instanceof HTMLInputElement && focused.type === "search" ? focused.selectionStart : null;
  draw();
  if (!kept) return;
  const href = focused.getAttribute("href");
  const heir = /** @type {HTMLElement | null} */ (
    focused.id ? document.getElementById(focused.id) : href ? within.querySelector(`a[href="${CSS.escape(href)}"]`) : null);
  heir?.focus({ preventScroll: true });
  if (heir instanceof HTMLInputElement && caret !== null) heir.setSelectionRange(caret, caret);
}
