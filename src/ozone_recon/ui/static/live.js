// Polls the server for a page's data and redraws it: every 30 seconds while the page is visible.

import { ApiError, freshness } from "./api.js";
import { keepFocus } from "./dom.js";
import { notice } from "./parts/notice.js";

/** Polling interval, in ms. */
const EVERY = 30_000;
/** Polling interval while the server has no data yet, in ms. */
export const SOON = 2000;

/** Reloads the data of the current page. @type {() => void} */
export let refresh = () => {};

/**
 * @template A
 * @param {object} page
 * @param {HTMLElement} page.main
 * @param {() => Node[]} [page.head] elements shown even before the first response
 * @param {(signal: AbortSignal) => Promise<A>} page.load requests the page's data
 * @param {(answers: A) => number | void} page.draw fills `main`; returns the time until the next poll in ms, if it is not the usual one
 * @param {AbortSignal} signal stops the polling
 */
export async function live({ main, head = () => [], load, draw }, signal) {
  let drawn = "";
  let timer = 0;
  let next = EVERY;
  let loading = false;
  let pending = false;
  let overdue = false;
  const slow = setTimeout(() => main.replaceChildren(...head(), notice("loading", "Loading…")), 150);

  async function poll() {
    if (loading) {
      pending = true;
      return;
    }
    clearTimeout(timer);
    loading = true;
    pending = false;
    try {
      const answers = await load(signal);
      if (signal.aborted) return;
      const text = JSON.stringify(answers);
      if (text !== drawn) {
        keepFocus(main, () => { next = draw(answers) ?? EVERY; });
        drawn = text;
      }
    } catch (error) {
      if (signal.aborted) return;
      fail(error);
    } finally {
      clearTimeout(slow);
      loading = false;
    }
    timer = setTimeout(onTime, pending ? 0 : next);
  }

  function onTime() {
    overdue = document.hidden;
    if (!overdue) poll();
  }

  /** Keeps the last data on the page and shows the error above it. @param {unknown} error */
  function fail(error) {
    const unavailable = error instanceof ApiError && error.status === 503;
    const notFollowed = unavailable && !freshness()?.followsCluster && freshness()?.ageMs !== null;
    next = unavailable && !notFollowed ? SOON : EVERY;
    const text = error instanceof ApiError ? error.message : `Recon does not respond (${error}).`;
    const message = notice(notFollowed ? "empty" : unavailable ? "waiting" : "error", text, unavailable ? null : poll);
    if (drawn && !unavailable) {
      main.querySelector(":scope > .notice.error")?.remove();
      main.prepend(message);
      // Forces a redraw after the next response, even if its data is unchanged.
      drawn = " ";
    } else {
      main.replaceChildren(...head(), message);
      drawn = "";
    }
  }

  signal.addEventListener("abort", () => clearTimeout(timer));
  document.addEventListener("visibilitychange", () => { if (overdue && !document.hidden) onTime(); }, { signal });
  refresh = poll;
  await poll();
}
