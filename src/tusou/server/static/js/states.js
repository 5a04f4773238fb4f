// What stands where results would: waiting, nothing found, something wrong; and short notes.

import { $, fill, h, icon } from "./dom.js";
import { boot, t } from "./boot.js";
import { filterCount } from "./address.js";

const GHOSTS = [1.5, 0.75, 1.33, 1, 1.78, 0.67];

/** Cards that hold the place of those to come. */
export const ghosts = (count) => Array.from({ length: count }, (_, at) => {
  const node = h("li", { class: "card ghost", "aria-hidden": "true" }, h("span", { class: "frame" }), h("div", { class: "caption" }));
  node.style.setProperty("--ratio", GHOSTS[at % GHOSTS.length]);
  return node;
});

/** What was done to the query, in words; null for codes that need none. */
export const queryNote = (code) => boot.strings[`note_${code}`] && h("span", { class: "query-note" }, t(`note_${code}`));

/** The line between what matches and what is merely nearest; it stands among the cards, over the whole width. */
export const cutoffLine = ({ relevant }) => [relevant > 0 && h("li", { class: "slack", "aria-hidden": "true" }), h("li", { class: "cutoff" }, h("p", {}, t(relevant ? "below_cutoff" : "nearest_only")))].filter(Boolean);

/** Nothing found, and what to try. */
export function emptyState(search, { onClear, examples }) {
  const filtered = filterCount(search) > 0;
  return h("div", { class: "state" }, icon("empty"), h("h2", {}, t("nothing_found")),
    h("p", {}, t(filtered ? "empty_filters" : "empty_words")),
    filtered && h("button", { class: "primary", type: "button", onclick: onClear }, t("clear_all")),
    h("p", { class: "examples" }, examples));
}

/** Title of a failure: the network's, the query's, or the server's. */
export const problemTitle = (error) => t(error.code === "offline" ? "offline_title" : error.status < 500 ? "not_understood" : "failed");

/** A failure in the page's language, then in the server's own words; trying again is offered where it can help. */
export function problemState(error, onRetry) {
  const offline = error.code === "offline";
  const known = boot.strings[`problem_${error.code}`];
  return h("div", { class: "state error", role: "alert" }, icon(offline ? "offline" : "warning"),
    h("h2", {}, problemTitle(error)), known && h("p", {}, known), h("p", { class: known ? "note" : "" }, error.message),
    error.requestId && h("p", { class: "note" }, `${error.code} · ${error.requestId}`),
    (offline || error.status >= 500) && h("button", { class: "primary", type: "button", onclick: onRetry }, t("try_again")));
}

/** A line above the results that stays until it is closed or another search begins. */
export function notice(text) {
  const node = $("#notice");
  fill(node, h("span", {}, text), h("button", { class: "quiet", type: "button", "aria-label": t("close"), onclick: () => { node.hidden = true; } }, icon("close")));
  node.hidden = false;
}
