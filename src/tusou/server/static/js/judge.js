// The judging page: one picture at a time in random order, graded by button or by the keys 0 to 3.

import { $, fill, h } from "./dom.js";

const boot = JSON.parse($("#boot").textContent);
const t = (key, values = {}) => (boot.strings[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
const API = "/api/v1/judging";
const NAME = "tusou_judge";

const name = $("#judge");
let q = "";
let waiting = []; // images to grade, the shown one first
let done = []; // graded in this sitting, the last one last
let left = 0;

name.value = localStorage.getItem(NAME) ?? "";
name.addEventListener("change", () => {
  localStorage.setItem(NAME, name.value.trim());
  if (q) open(q);
});

async function ask(path, options) {
  const answer = await fetch(API + path, options).catch(() => null);
  const body = await answer?.json().catch(() => null);
  if (!answer?.ok) throw new Error(body?.detail ?? t("judge_failed"));
  return body;
}

const say = (text) => { $("#said").textContent = text; };

async function drawQueries() {
  const [{ queries }, agreement] = await Promise.all([ask("/queries"), ask("/agreement")]);
  fill($("#queries"), queries.map((need) => h("li", {}, h("button", { type: "button", "aria-current": String(need.q === q), onclick: () => open(need.q) },
    h("span", {}, need.q), h("small", {}, t("judge_need", { count: need.unjudged, shown: need.shown }))))));
  fill($("#agreement"), agreement.kappa === null ? t("judge_no_kappa") : t("judge_kappa", { kappa: agreement.kappa.toFixed(2) }));
}

async function open(words) {
  if (!name.value.trim()) {
    say(t("judge_name_first"));
    name.focus();
    return;
  }
  say("");
  q = words;
  done = [];
  await fetchMore();
  for (const button of document.querySelectorAll("#queries button")) button.setAttribute("aria-current", String(button.firstChild.textContent === q));
}

async function fetchMore() {
  const pairs = new URLSearchParams({ q, judge: name.value.trim() });
  waiting = (await ask(`/images?${pairs}`)).images;
  left = waiting.length;
  draw();
}

function draw() {
  const [image, following] = waiting;
  if (!image) {
    fill($("#work"), h("h2", {}, q), h("p", { class: "hint" }, t("judge_all_done")), backButton());
    drawQueries().catch((error) => say(error.message));
    return;
  }
  fill($("#work"), h("h2", {}, q), h("img", { src: image.urls.regular, width: image.width, height: image.height, alt: t("judge_picture") }),
    h("div", { class: "grades", role: "group", "aria-label": t("judge_grades") }, [3, 2, 1, 0].map((grade) =>
      h("button", { type: "button", onclick: () => give(grade) }, h("b", {}, grade), h("small", {}, t(`judge_grade_${grade}`))))),
    h("p", { class: "left" }, t("judge_left", { count: waiting.length, total: left })), backButton());
  if (following) new Image().src = following.urls.regular;
}

const backButton = () => done.length > 0 && h("button", { class: "back", type: "button", onclick: back }, t("judge_back"));

/** Keep the grade before the next picture shows: what is on screen is what is left. */
async function give(grade) {
  const [image] = waiting;
  if (!image || give.busy) return;
  give.busy = true;
  try {
    await ask("/grades", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ q, judge: name.value.trim(), grades: { [image.id]: grade } }) });
    say("");
    done.push(waiting.shift());
    if (waiting.length) draw();
    else await fetchMore();
  } catch (error) {
    say(error.message);
  } finally {
    give.busy = false;
  }
}

/** Show the last picture again; its new grade replaces the old one. */
function back() {
  waiting.unshift(done.pop());
  draw();
}

addEventListener("keydown", (event) => {
  if (event.target.matches("input") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (/^[0-3]$/.test(event.key)) give(Number(event.key));
  else if (event.key === "Backspace" && done.length) back();
});

$("#own").addEventListener("submit", (event) => {
  event.preventDefault();
  const words = $("#words").value.trim();
  if (words) open(words).catch((error) => say(error.message));
});

drawQueries().catch((error) => say(error.message));
const asked = new URLSearchParams(location.search).get("q");
if (asked && name.value) open(asked).catch((error) => say(error.message));
