// The justified grid: CSS does the layout from each picture's ratio, so nothing moves while pictures load.

import { h, icon } from "./dom.js";
import { freedom, licenseLabel, licenseOf, supplierTitle, t } from "./boot.js";
import { report, watch } from "./events.js";
import { mark } from "./selection.js";
import { paint } from "./thumbhash.js";

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/** The placeholder and the thumbnail of an item, one above the other. */
export function frame(item, { eager = false } = {}) {
  const canvas = h("canvas", { "aria-hidden": "true" });
  if (item.thumb_hash) paint(canvas, item.thumb_hash);
  const picture = h("img", {
    src: item.urls.thumb, alt: item.alt_description || item.title || t("untitled"), decoding: "async",
    width: item.width, height: item.height, loading: eager ? null : "lazy", draggable: "false",
    onload: () => picture.classList.add("loaded"),
    onerror: () => picture.classList.add("missing"),
  });
  if (picture.complete) picture.classList.add("loaded");
  return [canvas, picture];
}

/** One card: the picture, what it may be used for, whose it is. */
export function card(item, { href, onOpen, onSimilar, onCopies }) {
  const title = item.title || item.description || t("untitled");
  const ratio = item.width / item.height;
  const shown = clamp(ratio, 0.6, 2.3);
  const link = h("a", { class: ratio === shown ? "frame" : "frame whole", href, onclick: (event) => {
    report("click", item, node);
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return; // a new tab stays a new tab
    event.preventDefault();
    onOpen(item);
  }, onauxclick: ({ button }) => button === 1 && report("click", item, node) }, frame(item));
  const node = h("li", { class: "card", "data-id": item.id }, link,
    h("button", { class: "more", type: "button", title: t("find_similar"), "aria-label": `${t("find_similar")}: ${title}`, tabindex: -1, onclick: () => { report("similar", item, node); onSimilar(item); } }, icon("similar")),
    item.copies?.length > 0 && onCopies && h("button", { class: "copies", type: "button", title: t("show_copies"), "aria-label": `${t("copies", { count: item.copies.length })}: ${title}`, onclick: () => onCopies(item) }, `+${item.copies.length}`),
    h("div", { class: "caption" }, h("span", { class: "title" }, title), rights(item)));
  node.item = item;
  node.append(mark(item, node));
  node.style.setProperty("--ratio", shown.toFixed(4));
  return watch(node, item);
}

function rights(item) {
  const license = licenseOf(item.license);
  return h("span", { class: "rights" },
    h("span", { class: `license ${freedom(item.license)}`, title: license?.name ?? item.license }, licenseLabel(item.license)),
    h("span", { class: "supplier" }, supplierTitle(item.supplier)));
}

/** Arrow keys walk the grid: sideways by order, up and down to the nearest card of the next row. */
export function walk(grid, key) {
  const links = [...grid.querySelectorAll("a.frame")];
  const here = links.indexOf(document.activeElement);
  if (here < 0) return focus(links[0]);
  if (key === "ArrowRight") return focus(links[here + 1]);
  if (key === "ArrowLeft") return focus(links[here - 1]);
  return focus(nearest(links, here, key === "ArrowDown" ? 1 : -1));
}

function nearest(links, here, direction) {
  const from = links[here].getBoundingClientRect();
  const centre = from.left + from.width / 2;
  let best = null;
  for (let at = here + direction; at >= 0 && at < links.length; at += direction) {
    const to = links[at].getBoundingClientRect();
    if (Math.abs(to.top - from.top) < 4) continue; // same row
    if (best && Math.abs(to.top - best.top) > 4) break; // one row further
    const distance = Math.abs(to.left + to.width / 2 - centre);
    if (!best || distance < best.distance) best = { distance, top: to.top, link: links[at] };
  }
  return best?.link ?? null;
}

function focus(link) {
  if (!link) return false;
  link.focus({ preventScroll: true });
  link.scrollIntoView({ block: "nearest", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  return true;
}
