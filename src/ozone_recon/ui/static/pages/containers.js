// Lists of containers: unhealthy by state, mismatched between OM and SCM, deleted, and all.

import { freshness, get, ifKnown } from "../api.js";
import { h, put } from "../dom.js";
import { count } from "../format.js";
import { containerLink } from "../links.js";
import { SOON, live } from "../live.js";
import { choices } from "../parts/choices.js";
import { notice } from "../parts/notice.js";
import { PAGE, cut, pager } from "../parts/pager.js";
import { table } from "../parts/table.js";
import { trail } from "../parts/trail.js";
import { stateOf, urlOf } from "../state.js";
import { showContainer } from "./container.js";
import { TABS } from "./container_lists.js";

export const name = "containers";
export const title = "Containers";

const FIRST = { list: "", after: "", before: "", id: "", keysAfter: "" };

/** @typedef {typeof FIRST} State */
/** @typedef {import("./container_lists.js").Tab} Tab */

/** @param {HTMLElement} main @param {URLSearchParams} parameters @param {AbortSignal} signal */
export async function show(main, parameters, signal) {
  const state = stateOf(FIRST, parameters);
  if (state.id) return showContainer(main, state, (more) => urlOf(name, FIRST, { ...state, ...more }), signal);
  const one = { limit: 0 };
  return live({
    main,
    load: async (signal) => {
      const [unhealthy, quasi, clusterState] = await Promise.all([
        ifKnown(get("containers/unhealthy", one, signal)), ifKnown(get("containers/quasiClosed", one, signal)), get("clusterState", {}, signal),
      ]);
      const counts = { unhealthy, quasi, state: clusterState };
      const tab = tabs().find(({ id }) => id === state.list) ?? firstOf(counts);
      const query = { ...tab.query, limit: PAGE + 1, [tab.cursor]: state.after || "0" };
      if (tab.back && state.before) query[tab.back] = state.before;
      return { counts, list: tab.id, answer: await ifKnown(get(tab.path, query, signal)) };
    },
    draw: ({ counts, list, answer }) => draw(main, state, counts, /** @type {Tab} */ (TABS.find(({ id }) => id === list)), answer),
  }, signal);
}

/** Without a cluster, only the containers of OM's keys are known. */
function tabs() {
  return freshness()?.followsCluster ? TABS : TABS.slice(-1);
}

/** The worst list that is not empty; all containers if every such list is empty. @param {any} counts @returns {Tab} */
function firstOf(counts) {
  return tabs().find((tab) => tab.tone && tab.tone !== "info" && tab.count(counts)) ?? TABS[TABS.length - 1];
}

/** @param {HTMLElement} main @param {State} state @param {any} counts @param {Tab} tab @param {any} answer */
function draw(main, state, counts, tab, answer) {
  const url = (/** @type {Partial<State>} */ more) => urlOf(name, FIRST, { list: tab.id, ...more });
  put(main,
    trail([], title, goTo()),
    choices("Lists of containers", tabs().map((one) => ({
      title: one.title, href: urlOf(name, FIRST, { list: one.id }), chosen: one === tab, count: one.count(counts), tone: one.tone, hint: one.about,
    }))),
    counts.unhealthy.unknown && notice(freshness()?.followsCluster ? "waiting" : "empty", counts.unhealthy.unknown),
    tab.about && h("p", { class: "lead" }, tab.about),
    answer.unknown ? answer.unknown !== counts.unhealthy.unknown && notice("waiting", answer.unknown) : listing(state, tab, tab.rows(answer), tab.count(counts), url));
  return counts.unhealthy.unknown && freshness()?.followsCluster ? SOON : undefined;
}

/** @param {State} state @param {Tab} tab @param {any[]} received @param {number | null} all @param {(more: Partial<State>) => string} url */
function listing(state, tab, received, all, url) {
  const { rows, previous, next } = cut(received, state);
  if (rows.length === 0 && !previous) return notice("empty", tab.none);
  const at = (/** @type {any} */ row) => String(row[tab.number]);
  return h("div", { class: "listing" },
    table({
      caption: [all === null ? "" : `${count(all)} in total; `, rows.length ? `containers ${at(rows[0])} to ${at(rows[rows.length - 1])}` : "no more"].join(""),
      rows,
      columns: [{ id: "container", title: "Container", cell: (row) => containerLink(row[tab.number]) }, ...tab.columns],
    }),
    pager({
      first: state.after || state.before ? url({}) : null,
      previous: !tab.back ? undefined : previous && rows.length ? url({ before: at(rows[0]) }) : null,
      next: next && rows.length ? url({ after: at(rows[rows.length - 1]) }) : null,
    }));
}

/** The form that opens a container by its id. */
function goTo() {
  const input = h("input", { id: "filter", inputmode: "numeric", pattern: "[0-9]+", required: true, placeholder: "Container id  ( / )", "aria-label": "Container id" });
  const go = (/** @type {Event} */ event) => {
    event.preventDefault();
    location.hash = urlOf(name, FIRST, { id: input.value });
  };
  return h("form", { onsubmit: go }, input, h("button", { type: "submit" }, "Go"));
}
