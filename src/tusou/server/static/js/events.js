// Tell the server what was seen and chosen, so that ranking can learn. Nothing is told once somebody opted out.

import { $ } from "./dom.js";
import { boot, t } from "./boot.js";

export const APPLICATION = "tusou-page";

const SEEN_SHARE = 0.5; // of a card, in view,
const SEEN_MS = 500; // for so long, is an impression
const SEND_MS = 2000;
const BATCH = 200;
const OPT_OUT = "tusou_feedback";

let waiting = [];
let timer = null;
let stopped = !boot.feedback.logs || boot.feedback.opted_out;

const seen = new Set(); // query_id/id: an impression is told once
const known = new Map(); // card → {item, timer}

/** Tell that something was done with a result; results without a query_id (the home's mosaic) tell nothing. */
export function report(action, item, node = null) {
  if (stopped || !item.query_id) return;
  waiting.push({
    event_id: randomId(), query_id: item.query_id, action_name: action, timestamp: new Date().toISOString(),
    event_attributes: { object: { object_id: item.id }, position: { ordinal: item.rank ?? 0, ...place(node) } },
  });
  if (waiting.length >= BATCH) send();
  else timer ??= setTimeout(send, SEND_MS);
}

/** Watch a card until it was really seen. */
export function watch(node, item) {
  if (stopped || !item.query_id || seen.has(key(item))) return node;
  known.set(node, { item, timer: null });
  observer.observe(node);
  return node;
}

const key = (item) => `${item.query_id}/${item.id}`;

const observer = new IntersectionObserver((entries) => {
  for (const { target, intersectionRatio } of entries) {
    const card = known.get(target);
    if (!card) continue;
    clearTimeout(card.timer);
    if (intersectionRatio >= SEEN_SHARE) card.timer = setTimeout(impression, SEEN_MS, target);
    else if (!target.isConnected) forget(target);
  }
}, { threshold: SEEN_SHARE });

function impression(node) {
  const { item } = known.get(node) ?? {};
  if (!item || !node.isConnected || document.hidden) return;
  forget(node);
  if (seen.has(key(item))) return;
  seen.add(key(item));
  report("impression", item, node);
}

function forget(node) {
  observer.unobserve(node);
  known.delete(node);
}

/** Row, column and columns of a card among those beside it, from 1: the grid's rows differ in length. */
function place(node) {
  if (!node?.isConnected) return {};
  let row = 0, column = 0, columns = 0, top = null, found = null;
  for (const other of node.parentNode.children) {
    if (top === null || Math.abs(other.offsetTop - top) > 4) { // a new row
      if (found) break;
      top = other.offsetTop;
      row += 1;
      columns = 0;
    }
    columns += 1;
    if (other === node) { found = node; column = columns; }
  }
  return { row, column, columns };
}

function randomId() {
  return [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A beacon outlives the page. The server's clock decides: `sent` tells how wrong ours is. */
function send() {
  clearTimeout(timer);
  timer = null;
  while (waiting.length && !stopped) {
    const events = waiting.slice(0, BATCH);
    const body = JSON.stringify({ sent: new Date().toISOString(), events });
    if (!navigator.sendBeacon("/api/v1/events", new Blob([body], { type: "application/json" }))) break; // try later
    waiting = waiting.slice(BATCH);
  }
}

addEventListener("visibilitychange", () => document.hidden && send());
addEventListener("pagehide", send);

/** The switch below the results. A browser that asks every site not to track is opted out already. */
export function drawSwitch() {
  const box = $("#feedback");
  if (!boot.feedback.logs) return;
  const input = $("input", box);
  input.checked = !stopped;
  input.disabled = boot.feedback.opted_out && !hasCookie();
  if (input.disabled) $("span", box).textContent = t("feedback_do_not_track");
  input.addEventListener("change", () => {
    stopped = !input.checked;
    waiting = [];
    const age = stopped ? 365 * 24 * 3600 : 0;
    document.cookie = `${OPT_OUT}=off; path=/; max-age=${age}; samesite=strict`;
  });
  box.hidden = false;
}

const hasCookie = () => document.cookie.split("; ").includes(`${OPT_OUT}=off`);
