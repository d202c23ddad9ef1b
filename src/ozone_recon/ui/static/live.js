// Asks for what a page shows, draws it, and asks again: every 30 seconds while somebody may be looking.

import { ApiError, freshness } from "./api.js";
import { keepFocus } from "./dom.js";
import { notice } from "./parts/notice.js";

const EVERY = 30_000;
/** After how many ms to ask again while the server has nothing to answer with yet. */
export const SOON = 2000;

/** Asks again for the page that is shown. @type {() => void} */
export let refresh = () => {};

/**
 * @template A
 * @param {object} page
 * @param {HTMLElement} page.main
 * @param {() => Node[]} [page.head] what is shown also while there are no answers
 * @param {(signal: AbortSignal) => Promise<A>} page.ask
 * @param {(answers: A) => number | void} page.draw fills `main`; says after how many ms to ask again, if it is soon
 * @param {AbortSignal} signal ends it
 */
export async function live({ main, head = () => [], ask, draw }, signal) {
  let drawn = "";
  let timer = 0;
  let next = EVERY;
  let asking = false;
  let onceMore = false;
  let late = false;
  const slow = setTimeout(() => main.replaceChildren(...head(), notice("loading", "Loading…")), 150);

  async function again() {
    if (asking) {
      onceMore = true;
      return;
    }
    clearTimeout(timer);
    asking = true;
    onceMore = false;
    try {
      const answers = await ask(signal);
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
      asking = false;
    }
    timer = setTimeout(onTime, onceMore ? 0 : next);
  }

  function onTime() {
    late = document.hidden;
    if (!late) again();
  }

  /** What was shown stays, with what is wrong above it. @param {unknown} error */
  function fail(error) {
    const waits = error instanceof ApiError && error.status === 503;
    const never = waits && !freshness()?.followsCluster && freshness()?.ageMs !== null;
    next = waits && !never ? SOON : EVERY;
    const text = error instanceof ApiError ? error.message : `Recon's server does not answer (${error}).`;
    const said = notice(never ? "empty" : waits ? "waiting" : "error", text, waits ? null : again);
    if (drawn && !waits) {
      main.querySelector(":scope > .notice.error")?.remove();
      main.prepend(said);
      // What comes next is drawn, even if it is what was there before.
      drawn = " ";
    } else {
      main.replaceChildren(...head(), said);
      drawn = "";
    }
  }

  signal.addEventListener("abort", () => clearTimeout(timer));
  document.addEventListener("visibilitychange", () => { if (late && !document.hidden) onTime(); }, { signal });
  refresh = again;
  await again();
}
