// Several images at once: a mark on each card, Shift for a range, x on the keyboard, and a bar with what can be done.

import { $, fill, h, icon, toast } from "./dom.js";
import { number, t } from "./boot.js";
import { openCollect } from "./collect.js";
import { report } from "./events.js";

const chosen = new Map(); // id → item, in the order chosen
let last = null;

/** The mark of a card. */
export function mark(item, node) {
  node.classList.toggle("chosen", chosen.has(item.id));
  return h("button", { class: "pick", type: "button", role: "checkbox", "aria-checked": String(chosen.has(item.id)), "aria-label": `${t("select")}: ${item.title || t("untitled")}`, title: t("select"), tabindex: -1, onclick: (event) => {
    if (event.shiftKey && last) range(node);
    else toggle(node);
  } }, icon("check"));
}

export function toggle(node, on = !chosen.has(node.item.id)) {
  if (on) chosen.set(node.item.id, node.item);
  else chosen.delete(node.item.id);
  node.classList.toggle("chosen", on);
  $(".pick", node)?.setAttribute("aria-checked", String(on));
  last = node;
  drawBar();
}

function range(node) {
  const cards = [...node.parentNode.querySelectorAll(".card[data-id]")];
  const [from, to] = [cards.indexOf(last), cards.indexOf(node)].sort((a, b) => a - b);
  if (from < 0) return toggle(node);
  for (const card of cards.slice(from, to + 1)) toggle(card, true);
}

export function clear() {
  chosen.clear();
  for (const node of document.querySelectorAll(".card.chosen")) {
    node.classList.remove("chosen");
    $(".pick", node)?.setAttribute("aria-checked", "false");
  }
  drawBar();
}

export const any = () => chosen.size > 0;

function drawBar() {
  const bar = $("#selection");
  bar.hidden = !chosen.size;
  document.body.classList.toggle("selecting", chosen.size > 0);
  if (!chosen.size) return;
  const items = [...chosen.values()];
  fill(bar,
    h("strong", { role: "status" }, t("selected", { count: number(items.length) })),
    h("button", { class: "primary", type: "button", onclick: () => openCollect(items.map(({ id }) => id), () => { for (const item of items) report("collect", item); clear(); }) }, icon("collect"), t("add_to_collection")),
    h("button", { type: "button", onclick: async () => {
      await copyText(items.map((item) => item.attribution).join("\n"));
      for (const item of items) report("copy_attribution", item);
      toast(t("copied"));
    } }, icon("copy"), t("copy_credits")),
    h("button", { class: "quiet", type: "button", "aria-label": t("clear_selection"), title: t("clear_selection"), onclick: clear }, icon("close")));
}

/** The clipboard needs a secure context; on a plain address in the local network, select and copy instead. */
export async function copyText(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = h("textarea", { class: "visually-hidden", value: text });
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  return area.remove();
}
