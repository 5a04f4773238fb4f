// The page: the address says what is searched; this file keeps address, answer and view in step.

import { $, debounce, fill, h, toast } from "./dom.js";
import { boot, number, t } from "./boot.js";
import * as address from "./address.js";
import { PER_PAGE, Problem, findImages, getImage, relatedTo, saveSearch, withQuery } from "./api.js";
import { drawSwitch } from "./events.js";
import { card, walk } from "./grid.js";
import { drawChips, drawPanel, forgetValues } from "./filters.js";
import * as detail from "./detail.js";
import * as pictures from "./pictures.js";
import { noPicture, pictureChip, pictureTools } from "./box.js";
import * as selection from "./selection.js";
import * as suggest from "./suggest.js";
import { cutoffLine, emptyState, ghosts, notice, problemState, problemTitle, queryNote } from "./states.js";

const box = $("#q");
const grid = $("#grid");
const answers = new Map(); // address.key → {items, total, facets, pages, done}: back is instant
let search = address.read();
let answer = null;
let running = null;

// ── navigation ────────────────────────────────────────────────────────────────────────────────────

/** Change the search, remember it in the history, show it. */
function go(changes) {
  remember();
  $("#notice").hidden = true;
  const before = address.key(search);
  const view = search.view;
  search = { ...search, page: 1, view: "", ...changes };
  const state = { picture: search.picture?.key ?? null, scroll: 0 };
  const same = address.key(search) === before && search.view === view; // the same search again is no new step
  history[same ? "replaceState" : "pushState"](state, "", address.write(search));
  run();
}

/** Keep where we are in the entry we leave. */
function remember() {
  history.replaceState({ ...history.state, picture: search.picture?.key ?? null, scroll: scrollY }, "", address.write(search));
}

function restore(state) {
  search = address.read();
  search.picture = pictures.pictureOf(state?.picture) ?? null;
  if (state?.picture && !search.picture) notice(t("picture_gone"));
  run({ scroll: state?.scroll ?? 0 });
}

addEventListener("popstate", (event) => restore(event.state));
addEventListener("scroll", debounce(250, () => { if (!detail.shown()) remember(); }), { passive: true });
history.scrollRestoration = "manual";

// ── searching ─────────────────────────────────────────────────────────────────────────────────────

async function run({ scroll = 0 } = {}) {
  running?.abort();
  running = new AbortController();
  const { signal } = running;
  const home = address.isEmpty(search);
  document.body.classList.toggle("home", home && !search.view);
  document.body.classList.toggle("results", !home || Boolean(search.view));
  drawBox();
  if (home) {
    answer = null;
    document.title = t("page_title");
    fill(grid);
    fill($("#related"));
    drawRecent();
    showState("");
  } else if (answer?.key !== address.key(search)) {
    document.title = `${search.q || t("picture_search")} · ${t("brand")}`;
    await load(signal);
  }
  if (signal.aborted) return;
  if (scroll !== null && !search.view) scrollTo(0, scroll);
  await showDetail();
  readOn();
}

async function load(signal) {
  const key = address.key(search);
  const kept = answers.get(key);
  if (!kept) forgetValuesOfOtherWords();
  answer = kept ?? { key, items: [], total: 0, facets: {}, pages: 0, done: false, took: 0 };
  fill(grid);
  drawFilters();
  drawRelated(signal);
  if (kept) {
    appendCards(kept.items);
    showSummary();
    return;
  }
  const wanted = search.page;
  for (let page = 1; page <= wanted && !answer.done; page += 1) {
    if (!(await loadPage(page, signal))) return;
  }
  keep(answer);
}

let lastWords = null;
function forgetValuesOfOtherWords() {
  const words = `${search.q}|${search.picture?.key}|${search.image_id}|${search.image_url}`;
  if (words !== lastWords) forgetValues();
  lastWords = words;
}

async function loadPage(page, signal) {
  const target = answer;
  showState(target.items.length ? "more" : "loading");
  try {
    const body = page === 1 && boot.answer && target.key === firstKey ? takeBoot() : await findImages(search, page, signal);
    if (signal.aborted) return false;
    Object.assign(target, { total: body.total, relevant: body.relevant, moreRelevant: body.more_relevant, pages: page, done: !body.has_more, notes: body.notes ?? [] });
    if (page === 1) Object.assign(target, { facets: body.facets, took: body.timings.total });
    const known = new Set(target.items.map((item) => item.id));
    const fresh = body.results.filter((item) => !known.has(item.id)); // the library may have grown between two pages
    target.items.push(...fresh);
    if (page === 1) fill(grid);
    appendCards(fresh);
    drawFilters();
    showSummary();
    return true;
  } catch (error) {
    if (error.name !== "AbortError") showProblem(error, page);
    return false;
  }
}

const firstKey = address.key(search);
function takeBoot() {
  const body = boot.answer;
  boot.answer = null;
  return withQuery(body);
}

function keep(one) {
  answers.delete(one.key);
  answers.set(one.key, one);
  if (answers.size > 12) answers.delete(answers.keys().next().value);
}

const sentinel = $("#sentinel"); // stands below the last card
const isNear = () => sentinel.getBoundingClientRect().top < 2 * innerHeight;
const canReadOn = () => answer?.pages > 0 && !answer.done && grid.dataset.state === "ready";
let reading = false;

/** Load pages until the next screen is filled as well; an observer alone would not fire twice on a tall screen. */
async function readOn() {
  if (reading) return;
  reading = true;
  while (canReadOn() && isNear()) {
    if (!(await loadPage(answer.pages + 1, running.signal))) break;
    search.page = Math.min(answer.pages, 10);
    remember();
  }
  reading = false;
}

new IntersectionObserver(([entry]) => entry.isIntersecting && readOn(), { rootMargin: "100% 0px" }).observe(sentinel);

// ── drawing ───────────────────────────────────────────────────────────────────────────────────────

const hrefOf = (item) => address.write({ ...search, view: item.id });

function appendCards(items) {
  grid.append(...items.flatMap((item) => [...(item.rank - 1 === answer.relevant ? cutoffLine(answer) : []), card(item, { href: hrefOf(item), onOpen: open, onSimilar: similar, onCopies: same })]));
}

function showState(state) {
  grid.dataset.state = state;
  $("#results").setAttribute("aria-busy", String(state === "loading" || state === "more"));
  if (state === "loading") {
    fill($("#summary"), t("searching"));
    fill(grid, ghosts(18));
  }
  if (!state) fill($("#summary"));
  fill($("#message"));
}

function showSummary() {
  showState(answer.items.length ? "ready" : "empty");
  $("#results").setAttribute("aria-busy", "false");
  if (!answer.items.length) {
    fill($("#summary"), t("nothing_found"));
    const clear = () => go(address.withoutFilters(search));
    fill($("#message"), emptyState(search, { onClear: clear, examples: boot.examples.map(exampleChip) }));
    return;
  }
  fill($("#summary"), countOf(answer), h("span", { class: "took" }, t("took", { ms: number(answer.took, 0) })), (answer.notes ?? []).map(queryNote));
  if (answer.done) fill($("#message"), h("p", { class: "end" }, t("end_of_results")));
}

/** How much was found: the relevant images where they are known, else the whole answer. */
function countOf({ relevant, moreRelevant, total }) {
  if (relevant === 0) return t("nothing_matches");
  if (relevant) return t(moreRelevant ? "found_more_relevant" : "found_relevant", { count: number(relevant) });
  return t(isCapped() ? "found_best" : "found", { count: number(total) });
}

/** A ranked answer holds the best candidates of each retriever, not everything that has something to do with it. */
const isCapped = () => (search.q.trim() || address.hasPicture(search)) && search.mode !== "same" && answer.total >= boot.limits.recall_depth;

function exampleChip(word) {
  return h("a", { class: "chip", href: `/?q=${encodeURIComponent(word)}`, onclick: (event) => { event.preventDefault(); suggest.remember(word); go({ ...address.withoutFilters(search), ...noPicture, q: word }); } }, word);
}

function showProblem(error, page) {
  showState("error");
  if (page === 1) fill(grid);
  fill($("#summary"), page === 1 ? problemTitle(error) : "");
  fill($("#message"), problemState(error, retry));
}

function retry() {
  answer = null;
  run();
}

/** Below the summary: what was probably meant, and where to go from here. */
async function drawRelated(signal) {
  const place = $("#related");
  if (place.dataset.words === search.q) return;
  fill(place);
  place.dataset.words = search.q;
  if (!search.q.trim() || address.hasPicture(search)) return;
  const found = await relatedTo(search.q, signal).catch(() => null); // filters alone, or no connection: no matter
  if (!found && signal.aborted) delete place.dataset.words;
  if (!found || signal.aborted) return;
  fill(place,
    found.correction && h("span", { class: "correction" }, t("did_you_mean"), exampleChip(found.correction)),
    found.results.length > 0 && h("span", { class: "label" }, t("related")), found.results.map(exampleChip));
}

function drawRecent() {
  const words = suggest.recent().slice(0, 6);
  fill($("#recent"), words.length > 0 && [h("span", {}, t("recent")), words.map(exampleChip), h("button", { class: "quiet small", type: "button", onclick: () => { suggest.forgetAll(); drawRecent(); } }, t("forget_recent"))]);
}

// ── the box ───────────────────────────────────────────────────────────────────────────────────────

function drawBox() {
  if (document.activeElement !== box || box.value.trim() !== search.q) box.value = search.q;
  const has = address.hasPicture(search);
  document.body.classList.toggle("with-picture", has);
  document.body.classList.toggle("with-words", Boolean(search.q.trim()) && !has);
  fill($("#picture"), has && pictureChip(search, go));
  fill($("#picture-tools"), has && pictureTools(search, go));
  drawChips($("#chips"), search, changeFilters);
  box.placeholder = has ? t("placeholder_picture") : t("placeholder");
  for (const link of document.querySelectorAll("a[data-lang]")) link.href = address.write({ ...search, lang: link.dataset.lang });
  $("#save").hidden = has;
  const sort = $("#sort");
  sort.value = search.sort;
  $("#filter-count").textContent = address.filterCount(search) || "";
}

$("#search").addEventListener("submit", (event) => {
  event.preventDefault();
  box.blur();
  searchFor(box.value.trim());
});

function searchFor(words) {
  suggest.remember(words);
  go({ q: words });
}
suggest.listen((words) => { box.blur(); searchFor(words); });

$("#save").addEventListener("click", async () => {
  const pairs = address.parameters(search);
  const made = await saveSearch(search.q || document.title, pairs.toString()).catch((error) => { toast(boot.strings[`problem_${error.code}`] ?? error.message); return null; });
  if (made) toast(t("search_saved"));
});
$("#sort").addEventListener("change", (event) => go({ sort: event.target.value }));
const openChooser = pictures.chooser({ onFile: usePicture, onUrl: (url) => go({ ...noPicture, image_url: url }) });
$("#choose").addEventListener("click", openChooser);
pictures.listen({ onFile: usePicture, onUrl: (url) => useAddress(url) });

async function usePicture(file) {
  const picture = await pictures.hold(file);
  if (picture) go({ ...noPicture, picture });
}

/** A picture dragged within the page is one of the library's own. */
function useAddress(url) {
  const own = new URL(url, location.href);
  const id = own.origin === location.origin && own.searchParams.get("view");
  go({ ...noPicture, ...(id ? { image_id: id } : { image_url: url }) });
}

// ── filters ───────────────────────────────────────────────────────────────────────────────────────

function drawFilters() {
  drawPanel($("#filters"), search, answer ?? undefined, changeFilters);
}

function changeFilters(changes) {
  if (changes === "close") return toggleFilters(false);
  return go(changes === "clear" ? address.withoutFilters(search) : changes);
}

function toggleFilters(open = !document.body.classList.contains("filters-open")) {
  document.body.classList.toggle("filters-open", open);
  $("#filter-button").setAttribute("aria-expanded", String(open));
}
$("#filter-button").addEventListener("click", () => toggleFilters());
$("#filter-veil").addEventListener("click", () => toggleFilters(false));
toggleFilters(matchMedia("(min-width: 1100px)").matches);

// ── the detail view ───────────────────────────────────────────────────────────────────────────────

function open(item) {
  remember();
  const first = !search.view;
  search = { ...search, view: item.id };
  history[first ? "pushState" : "replaceState"]({ ...history.state, over: first ? true : history.state?.over }, "", address.write(search));
  showDetail(item);
}

function close() {
  if (history.state?.over) history.back();
  else {
    search = { ...search, view: "" };
    history.replaceState(history.state, "", address.write(search));
    run({ scroll: null });
  }
}

async function showDetail(given = null) {
  const id = search.view;
  if (!id) {
    const left = detail.shown();
    detail.hide();
    if (left) grid.querySelector(`[data-id="${CSS.escape(left.id)}"] a.frame`)?.focus({ preventScroll: true });
    return;
  }
  const item = given ?? answer?.items.find((one) => one.id === id) ?? (await getImage(id).catch(failDetail));
  if (!item || search.view !== id) return;
  const at = answer?.items.findIndex((one) => one.id === id) ?? -1;
  const neighbour = (step) => (at < 0 ? null : answer.items[at + step] ?? null);
  detail.show(item, {
    onClose: close, onOpen: open, onSimilar: similar,
    onSame: same,
    onSearch: (changes) => go({ ...address.withoutFilters(search), ...noPicture, ...changes }),
    onStep: (step) => { const other = neighbour(step); if (other) { open(other); grid.querySelector(`[data-id="${CSS.escape(other.id)}"]`)?.scrollIntoView({ block: "nearest" }); } },
    hasNext: (step) => Boolean(neighbour(step)), href: hrefOf,
  });
  if (neighbour(1)) new Image().src = neighbour(1).urls.regular; // the next step shows at once
}

function failDetail(error) {
  toast(error instanceof Problem ? error.message : t("failed"));
  search = { ...search, view: "" };
  history.replaceState(history.state, "", address.write(search));
  return null;
}

function same(item) {
  go({ ...address.withoutFilters(search), ...noPicture, q: "", image_id: item.id, mode: "same" });
}

function similar(item) {
  go({ ...noPicture, q: "", image_id: item.id });
}

// ── keyboard ──────────────────────────────────────────────────────────────────────────────────────

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const typing = event.target.matches("input, textarea, select");
  if (event.key === "/" && !typing) {
    event.preventDefault();
    box.focus();
    box.select();
  } else if (event.key === "Escape") {
    if (typing) event.target.blur();
    else if (selection.any()) selection.clear();
    else toggleFilters(matchMedia("(min-width: 1100px)").matches && document.body.classList.contains("filters-open"));
  } else if (event.key === "x" && event.target.closest?.("#grid .card")) {
    selection.toggle(event.target.closest(".card"));
  } else if (event.key.startsWith("Arrow") && (!typing || (event.target === box && event.key === "ArrowDown"))) {
    const onCard = event.target.closest?.("#grid a.frame"); // elsewhere arrows scroll, as everywhere
    if ((onCard || event.target === box) && walk(grid, event.key)) event.preventDefault();
  }
});

// ── start ─────────────────────────────────────────────────────────────────────────────────────────

detail.listen();
drawSwitch();
for (const link of document.querySelectorAll("#home a[data-example]")) link.replaceWith(exampleChip(link.dataset.example));
const mosaic = $("#mosaic");
if (mosaic) fill(mosaic, boot.mosaic.map((item) => card(item, { href: hrefOf(item), onOpen: open, onSimilar: similar })));
addEventListener("online", () => { if (grid.dataset.state === "error") retry(); });
restore(history.state);
if (PER_PAGE > boot.limits.max_per_page) console.warn("per_page is above the server's limit");
