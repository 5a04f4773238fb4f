// Draw a box on the query picture: search with that part of it. Arrow keys move the box, Shift+arrows size it.

import { $, fill, h } from "./dom.js";
import { t } from "./boot.js";
import { closeButton } from "./pictures.js";

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/** Open the dialog; calls back with "x,y,w,h" in shares, or "" for the whole picture. */
export function chooseRegion(url, current, onDone) {
  const dialog = $("#region");
  let box = parse(current);
  const mark = h("div", { class: "mark", tabindex: 0, role: "group", "aria-label": t("region_keys") });
  const picture = h("img", { src: url, alt: t("query_picture"), draggable: "false" });
  const stage = h("div", { class: "region-stage" }, picture, mark);
  const draw = () => {
    mark.hidden = !box;
    if (box) Object.assign(mark.style, { left: pct(box.x), top: pct(box.y), width: pct(box.w), height: pct(box.h) });
  };
  const set = (next) => { box = next; draw(); };
  drawWithPointer(stage, picture, set);
  moveWithKeys(mark, () => box, set);
  const done = (value) => { dialog.close(); onDone(value); };
  fill(dialog, h("div", { class: "sheet wide" },
    h("header", {}, h("h2", { id: "region-title" }, t("region_title")), closeButton(dialog)),
    h("p", { class: "note" }, t("region_hint")), stage,
    h("footer", {},
      h("button", { class: "quiet", type: "button", onclick: () => done("") }, t("whole_picture")),
      h("button", { class: "primary", type: "button", onclick: () => done(box ? format(box) : "") }, t("search")))));
  if (!box) set({ x: 0.2, y: 0.2, w: 0.6, h: 0.6 });
  draw();
  dialog.showModal();
  mark.focus();
}

const pct = (share) => `${(share * 100).toFixed(2)}%`;

export function parse(text) {
  if (!text) return null;
  const [x, y, w, h] = text.split(",").map(Number);
  return { x, y, w, h };
}

function format({ x, y, w, h }) {
  const left = Math.floor(x * 1e3) / 1e3;
  const top = Math.floor(y * 1e3) / 1e3;
  const share = (value) => String(Math.floor(value * 1e3) / 1e3);
  return [left, top, share(Math.min(w, 1 - left)), share(Math.min(h, 1 - top))].join(",");
}

function drawWithPointer(stage, picture, set) {
  let start = null;
  const at = (event) => {
    const frame = picture.getBoundingClientRect();
    return { x: clamp((event.clientX - frame.left) / frame.width, 0, 1), y: clamp((event.clientY - frame.top) / frame.height, 0, 1) };
  };
  stage.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    stage.setPointerCapture(event.pointerId);
    start = at(event);
  });
  stage.addEventListener("pointermove", (event) => {
    if (!start) return;
    const end = at(event);
    const size = { w: Math.abs(end.x - start.x), h: Math.abs(end.y - start.y) };
    if (size.w > 0.03 && size.h > 0.03) set({ x: Math.min(start.x, end.x), y: Math.min(start.y, end.y), ...size });
  });
  for (const over of ["pointerup", "pointercancel"]) stage.addEventListener(over, () => { start = null; });
}

function moveWithKeys(mark, get, set) {
  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  mark.addEventListener("keydown", (event) => {
    const step = steps[event.key];
    if (!step || !get()) return;
    event.preventDefault();
    const { x, y, w, h } = get();
    const [dx, dy] = step.map((part) => part * 0.02);
    if (event.shiftKey) set({ x, y, w: clamp(w + dx, 0.05, 1 - x), h: clamp(h + dy, 0.05, 1 - y) });
    else set({ x: clamp(x + dx, 0, 1 - w), y: clamp(y + dy, 0, 1 - h), w, h });
  });
}
