// The API reference: renders openapi.json, with a form to try each GET route.

import { h } from "../dom.js";

/** @typedef {{[name: string]: any}} Json */

const document_ = await (await fetch("../openapi.json")).json();
const main = /** @type {HTMLElement} */ (document.querySelector("main"));

/** @param {Json} schema @returns {Json} the schema itself, or the one it refers to */
function resolved(schema) {
  const name = schema.$ref?.split("/").pop();
  return name ? document_.components.schemas[name] : schema;
}

/** @param {Json} schema @returns {string} its type in a few words */
function typeOf(schema) {
  if (schema.$ref) return resolved(schema).title ?? "object";
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" or ");
  if (schema.type === "array") return `list of ${typeOf(schema.items ?? {})}`;
  if (schema.enum) return schema.enum.join(" | ");
  return schema.format ?? schema.type ?? "any";
}

/** @param {Json} schema @returns {Json | undefined} the object type within, for the table of its fields */
function objectIn(schema) {
  if (schema.items) return objectIn(schema.items);
  if (schema.anyOf) return schema.anyOf.map(objectIn).find(Boolean);
  if (schema.additionalProperties?.$ref || schema.additionalProperties?.items) return objectIn(schema.additionalProperties);
  const target = resolved(schema);
  return target.properties ? target : undefined;
}

/** Renders text in backticks as code. @param {string} text */
function prose(text) {
  return text.split("`").map((part, index) => (index % 2 ? h("code", {}, part) : part));
}

/** @param {[string, string, string][]} rows name, type, description */
function table(rows) {
  return h("table", {}, h("tbody", {}, rows.map(([name, type, text]) => h("tr", {}, h("td", {}, h("code", {}, name)), h("td", {}, type), h("td", {}, prose(text))))));
}

/** The fields of a response, one table per object. @param {Json} schema @param {Set<Json>} [seen] @returns {HTMLElement[]} */
function fields(schema, seen = new Set()) {
  const object = objectIn(schema);
  if (!object || seen.has(object)) return [];
  seen.add(object);
  const properties = Object.entries(/** @type {Record<string, Json>} */ (object.properties));
  return [
    h("h3", {}, object.title ?? "Response"),
    table(properties.map(([name, field]) => [name, typeOf(field), field.description ?? ""])),
    ...properties.flatMap(([, field]) => fields(field, seen)),
  ];
}

/** @param {string} path @param {Json} operation */
function tryIt(path, operation) {
  const parameters = /** @type {Json[]} */ (operation.parameters ?? []);
  const output = h("pre", { hidden: true });
  const link = h("a", {});
  const inputs = parameters.map((parameter) =>
    h("input", { name: parameter.name, placeholder: String(parameter.schema.default ?? ""), required: parameter.required }));
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    let url = path;
    const query = new URLSearchParams();
    parameters.forEach((parameter, index) => {
      const value = inputs[index].value;
      if (parameter.in === "path") url = url.replace(`{${parameter.name}}`, encodeURIComponent(value));
      else if (value) query.set(parameter.name, value);
    });
    url = `..${url}${query.size ? `?${query}` : ""}`;
    link.href = url;
    link.textContent = link.href;
    const response = await fetch(url, { headers: { Accept: "application/json" } });
    const text = await response.text();
    const shown = text.length > 50_000 ? `${text.slice(0, 50_000)}\n… ${text.length} characters in total` : text;
    output.textContent = `${response.status} ${response.statusText}\n\n${text.length > 50_000 ? shown : pretty(text)}`;
    output.hidden = false;
  };
  return h("form", { onsubmit: submit },
    parameters.map((parameter, index) => h("label", {}, parameter.name, inputs[index])),
    h("button", {}, "Try it"), link, output);
}

/** Indents JSON without parsing it: its numbers may exceed JavaScript's integers. @param {string} text */
function pretty(text) {
  let depth = 0;
  return text.replace(/"(?:[^"\\]|\\.)*"|[[\]{},:]/g, (token) => {
    const line = () => `\n${"  ".repeat(depth)}`;
    if (token === "{" || token === "[") { depth++; return token + line(); }
    if (token === "}" || token === "]") { depth--; return line() + token; }
    if (token === ",") return token + line();
    return token === ":" ? ": " : token;
  });
}

/** @param {string} path @param {string} method @param {Json} operation */
function operation(path, method, operation) {
  const parameters = /** @type {Json[]} */ (operation.parameters ?? []);
  const responses = Object.entries(/** @type {Record<string, Json>} */ (operation.responses));
  const schema = operation.responses["200"]?.content?.["application/json"]?.schema;
  return h("details", { class: "operation", id: `${method}${path}` },
    h("summary", {}, h("b", { class: "method" }, method.toUpperCase()), h("code", {}, path), h("span", {}, operation.summary ?? "")),
    h("div", {},
      h("p", {}, prose(operation.description ?? "")),
      parameters.length ? h("h3", {}, "Parameters") : null,
      parameters.length ? table(parameters.map((parameter) => [
        parameter.name,
        typeOf(parameter.schema) + (parameter.required ? ", required" : ` = ${JSON.stringify(parameter.schema.default ?? "")}`),
        parameter.description ?? "",
      ])) : null,
      h("h3", {}, "Responses"),
      table(responses.map(([status, response]) => [status, "", response.description ?? ""])),
      schema ? fields(schema) : [],
      method === "get" ? [h("h3", {}, "Try it"), tryIt(path, operation)] : []));
}

/** @type {Map<string, HTMLElement[]>} */
const sections = new Map();
for (const [path, methods] of Object.entries(/** @type {Record<string, Json>} */ (document_.paths))) {
  for (const [method, described] of Object.entries(methods)) {
    const tag = described.tags[0];
    sections.set(tag, [...(sections.get(tag) ?? []), operation(path, method, described)]);
  }
}
main.append(
  h("h1", {}, document_.info.title),
  ...document_.info.description.split("\n\n").map((/** @type {string} */ text) => h("p", {}, prose(text))),
  h("nav", { "aria-label": "Sections" }, h("ul", {}, [...sections.keys()].map((tag) => h("li", {}, h("a", { href: `#${tag}` }, tag))))),
  ...[...sections].flatMap(([tag, operations]) => [h("h2", { id: tag }, tag), ...operations]),
);
document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
