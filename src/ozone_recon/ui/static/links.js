// Links between pages: every datanode, container, pipeline and path links to its own page.

import { h } from "./dom.js";

/** @param {string} uuid @param {string} host */
export function datanodeLink(uuid, host) {
  return h("a", { href: `#/datanodes?node=${encodeURIComponent(uuid)}` }, host || uuid);
}

/** @param {number | string} id */
export function containerLink(id) {
  return h("a", { href: `#/containers?id=${id}` }, id);
}

/** @param {string} id a pipeline's UUID */
export function pipelineLink(id) {
  return h("a", { href: `#/pipelines?filter=${encodeURIComponent(id)}` }, h("code", {}, id));
}

/** @param {string} path of a key or directory @param {string} [text] */
export function pathLink(path, text = path) {
  return h("a", { href: `#/namespace?${new URLSearchParams({ path })}` }, text);
}
