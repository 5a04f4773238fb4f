// The list below the box: what was searched here before, and what the library suggests while somebody types.
// The box is a combobox (ARIA 1.2): arrows choose, Enter takes, Escape closes and keeps what was typed.

import { $, debounce, fill, h, icon } from "./dom.js";
import { boot, t } from "./boot.js";
import { suggestions } from "./api.js";

const KEPT = "tusou_recent";
const MOST_KEPT = 12;
const SHOWN_RECENT = 5;
const WAIT_MS = 60;

const box = $("#q");
const list = $("#suggestions");
let chosen = -1;
let typed = "";
let running = null;
let take = () => {};

/** What was searched in this browser, newest first; it never leaves it. */
export function recent() {
  try {
    return JSON.parse(localStorage.getItem(KEPT) ?? "[]").filter((one) => typeof one === "string");
  } catch {
    return []; // no storage, or not ours
  }
}

/** Remember a search. */
export function remember(words) {
  if (!words) return;
  store([words, ...recent().filter((one) => one !== words)].slice(0, MOST_KEPT));
}

export const forgetAll = () => store([]);

function store(words) {
  try {
    localStorage.setItem(KEPT, JSON.stringify(words));
  } catch { /* private windows may refuse */ }
}

/** Listen to the box; `onTake(words)` searches. */
export function listen(onTake) {
  take = onTake;
  box.addEventListener("input", debounce(WAIT_MS, () => box.matches(":focus") && show()));
  box.addEventListener("focus", () => { if (!box.value.trim()) show(); });
  box.addEventListener("click", () => { if (list.hidden) show(); });
  box.addEventListener("blur", close);
  box.addEventListener("keydown", onKey);
  list.addEventListener("pointerdown", (event) => event.preventDefault()); // the box keeps the focus
}

export function close() {
  running?.abort();
  list.hidden = true;
  chosen = -1;
  box.setAttribute("aria-expanded", "false");
  box.removeAttribute("aria-activedescendant");
}

async function show() {
  running?.abort();
  running = new AbortController();
  typed = box.value;
  const words = typed.trim();
  const own = recent().filter((one) => one !== words && one.toLowerCase().startsWith(words.toLowerCase())).slice(0, SHOWN_RECENT);
  const { signal } = running;
  const found = await suggestions(words, signal).catch(() => []);
  if (signal.aborted || box.value !== typed || !box.matches(":focus")) return;
  const entries = [...own.map((text) => ({ text, kind: "recent" })), ...found.filter(({ text }) => !own.includes(text) && text !== words)];
  if (!entries.length) return close();
  chosen = -1;
  fill(list, entries.slice(0, 10).map((entry, at) => option(entry, at, words)),
    !words && own.length > 0 && h("li", { class: "forget", role: "presentation" }, h("button", { type: "button", class: "quiet small", tabindex: -1, onclick: () => { forgetAll(); close(); } }, t("forget_recent"))));
  list.hidden = false;
  box.setAttribute("aria-expanded", "true");
  box.removeAttribute("aria-activedescendant");
}

const ICONS = { recent: "clock", query: "search", keyword: "tag", title: "picture" };

function option({ text, kind, count }, at, words) {
  const label = text.toLowerCase().startsWith(words.toLowerCase()) ? [text.slice(0, words.length), h("b", {}, text.slice(words.length))] : text;
  return h("li", { id: `suggestion-${at}`, role: "option", "aria-selected": "false", "data-text": text, onclick: () => accept(text) },
    icon(ICONS[kind]), h("span", {}, label), kind === "keyword" && count > 1 && h("small", {}, boot.lang === "zh" ? `${count} 张` : count));
}

function accept(text) {
  close();
  box.value = text;
  take(text);
}

function onKey(event) {
  if (event.isComposing) return; // an input method is at work
  const options = [...list.querySelectorAll("[role=option]")];
  if (list.hidden || !options.length) return;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    const step = event.key === "ArrowDown" ? 1 : -1;
    chosen = (chosen + 1 + step + options.length + 1) % (options.length + 1) - 1; // -1 is what was typed
    options.forEach((node, at) => node.setAttribute("aria-selected", String(at === chosen)));
    if (chosen < 0) box.removeAttribute("aria-activedescendant");
    else box.setAttribute("aria-activedescendant", options[chosen].id);
    box.value = chosen < 0 ? typed : options[chosen].dataset.text;
  } else if (event.key === "Enter" && chosen >= 0) {
    accept(options[chosen].dataset.text);
  } else if (event.key === "Escape") {
    box.value = typed;
    close();
  } else {
    return;
  }
  event.preventDefault();
  event.stopPropagation();
}
