// One image: large, with its rights in plain words, its facts, why it matched, and what looks like it.

import { $, fill, h, icon, toast } from "./dom.js";
import { bytes, date, freedom, licenseLabel, licenseOf, number, supplierTitle, t } from "./boot.js";
import { moreOf, similarTo, usesOf } from "./api.js";
import { openCollect } from "./collect.js";
import { report, watch } from "./events.js";
import { frame } from "./grid.js";
import { openDownload } from "./licensing.js";
import { copyText } from "./selection.js";
import { drawWhy, highlight } from "./why.js";

let current = null;
let strip = null; // running request for similar images

/** Show an item. `actions`: onClose, onStep(±1), onSimilar, onSame, onSearch(changes), onOpen(item), hasNext(±1), href(item). */
export function show(item, actions) {
  const dialog = $("#detail");
  const kept = dialog.contains(document.activeElement) && document.activeElement.dataset.keep;
  current = { item, actions };
  fill(dialog, h("div", { class: "detail" }, stage(item, actions), panel(item, actions)));
  dialog.setAttribute("aria-label", item.title || t("untitled"));
  if (!dialog.open) dialog.showModal();
  // A step to the next image makes everything anew: whoever pressed the arrow finds it under the finger again.
  ((kept && $(`[data-keep="${kept}"]:enabled`, dialog)) || $("h2", dialog)).focus({ preventScroll: true });
  $(".panel", dialog).scrollTop = 0;
  $(".detail", dialog).scrollTop = 0;
  loadStrip(item, actions);
}

export function hide() {
  strip?.abort();
  current = null;
  if ($("#detail").open) $("#detail").close();
}

export const shown = () => current?.item ?? null;

/** Listen once for keys and closing; the dialog itself is filled anew for each item. */
export function listen() {
  const dialog = $("#detail");
  dialog.addEventListener("cancel", (event) => { event.preventDefault(); current?.actions.onClose(); });
  dialog.addEventListener("click", (event) => event.target === dialog && current?.actions.onClose());
  dialog.addEventListener("keydown", (event) => {
    if (!current || event.target.matches("input, textarea")) return;
    if (event.key === "ArrowRight") current.actions.onStep(1);
    else if (event.key === "ArrowLeft") current.actions.onStep(-1);
    else return;
    event.preventDefault();
  });
}

/** A sideways swipe on the picture goes to its neighbour. */
function swipe(node, onStep) {
  let start = null;
  node.addEventListener("touchstart", ({ touches }) => { start = touches.length === 1 ? touches[0] : null; }, { passive: true });
  node.addEventListener("touchend", ({ changedTouches: [end] }) => {
    if (!start) return;
    const across = end.clientX - start.clientX;
    if (Math.abs(across) > 60 && Math.abs(across) > 2 * Math.abs(end.clientY - start.clientY)) onStep(across < 0 ? 1 : -1);
    start = null;
  });
  return node;
}

function stage(item, actions) {
  const arrow = (step, name, label) => h("button", { class: `arrow ${name}`, "data-keep": name, type: "button", "aria-label": label, title: label, disabled: !actions.hasNext(step), onclick: () => actions.onStep(step) }, icon(name));
  const large = h("img", { class: "large", alt: item.alt_description || item.title || t("untitled"), width: item.width, height: item.height, onload: () => large.classList.add("loaded"), onerror: () => large.remove() });
  large.src = item.urls.regular;
  const holder = h("div", { class: "holder" }, frame(item, { eager: true }), large);
  holder.style.setProperty("--ratio", (item.width / item.height).toFixed(4));
  holder.style.setProperty("--natural", `${item.width}px`); // a small picture is not blown up beyond twice its size
  return swipe(h("section", { class: "stage" }, holder, arrow(-1, "previous", t("previous")), arrow(1, "next", t("next"))), actions.onStep);
}

function panel(item, actions) {
  const title = item.title || t("untitled");
  const words = Object.values(item.explain?.matches ?? {}).flat();
  return h("section", { class: "panel" },
    h("header", {}, h("h2", { tabindex: -1 }, highlight(title, words)),
      h("button", { class: "quiet close", type: "button", "aria-label": t("close"), title: t("close"), onclick: actions.onClose }, icon("close"))),
    item.description && item.description !== title && h("p", { class: "description" }, highlight(item.description, words)),
    h("div", { class: "actions" },
      h("button", { type: "button", onclick: () => { report("similar", item); actions.onSimilar(item); } }, icon("similar"), t("find_similar")),
      h("button", { type: "button", onclick: () => actions.onSame(item) }, icon("same"), t("find_same")),
      h("button", { type: "button", onclick: () => openCollect([item.id], () => report("collect", item)) }, icon("collect"), t("collect")),
      h("button", { class: "primary", type: "button", onclick: () => openDownload(item) }, icon("download"), t("download"))),
    rights(item),
    palette(item, actions),
    keywords(item, words, actions),
    facts(item, actions),
    item.explain && drawWhy(item),
    h("div", { class: "uses" }),
    h("div", { class: "strip", "aria-live": "off" }, h("h3", {}, t("similar_images")), h("ul", { class: "strip-list", "aria-busy": "true" })),
    h("div", { class: "more-strips" }));
}

function rights(item) {
  const license = licenseOf(item.license);
  const licenseUrl = item.license_url || license?.url;
  return h("div", { class: `rights-box ${freedom(item.license)}` },
    h("h3", {}, t("license")),
    h("p", { class: "license-name" }, license?.name ?? licenseLabel(item.license),
      isWeb(licenseUrl) && h("a", { href: licenseUrl, target: "_blank", rel: "noopener noreferrer", "aria-label": t("read_license"), title: t("read_license") }, icon("out"))),
    license ? h("ul", { class: "permissions" },
      permission(license.commercial, "commercial"), permission(license.modification, "modification"),
      duty(license.attribution, "attribution"), duty(license.share_alike, "share_alike")) : h("p", { class: "note" }, t("license_unknown_note")),
    item.usage_terms && h("p", { class: "note" }, item.usage_terms),
    item.attribution && attribution(item));
}

const permission = (allowed, name) => h("li", { class: allowed ? "yes" : "no" }, icon(allowed ? "check" : "cross"), t(allowed ? `may_${name}` : `may_not_${name}`));
const duty = (asked, name) => h("li", { class: asked ? "must" : "free" }, icon(asked ? "info" : "check"), t(asked ? `must_${name}` : `need_not_${name}`));

function attribution(item) {
  return h("div", { class: "attribution" }, h("p", { id: "attribution" }, item.attribution),
    h("button", { type: "button", class: "quiet", "aria-label": t("copy_attribution"), title: t("copy_attribution"), onclick: async () => {
      await copyText(item.attribution);
      report("copy_attribution", item);
      toast(t("copied"));
    } }, icon("copy"), t("copy")));
}

function palette(item, actions) {
  if (!item.palette?.length) return null;
  return h("div", { class: "palette", role: "group", "aria-label": t("palette") }, item.palette.map(({ color, share }) => {
    const part = h("button", { type: "button", title: `${color} · ${number(share * 100, 0)} %`, "aria-label": t("search_color", { color }), onclick: () => actions.onSearch({ color: [color.slice(1)] }) });
    part.style.setProperty("--color", color);
    part.style.setProperty("--share", Math.max(share, 0.04));
    return part;
  }));
}

function keywords(item, words, actions) {
  if (!item.tags?.length) return null;
  return h("div", { class: "tags" }, item.tags.slice(0, 24).map(({ name }) =>
    h("a", { class: words.some((word) => name.toLowerCase().includes(word.toLowerCase())) ? "tag hit" : "tag", href: `/?q=${encodeURIComponent(name)}`, onclick: (event) => {
      event.preventDefault();
      actions.onSearch({ q: name });
    } }, name)));
}

function facts(item, actions) {
  const supplier = h("a", { href: `/?supplier=${encodeURIComponent(item.supplier)}`, onclick: (event) => {
    event.preventDefault();
    actions.onSearch({ q: "", supplier: [item.supplier] });
  } }, supplierTitle(item.supplier));
  const rows = [
    [t("creator"), item.creator && link(item.creator, item.creator_url)],
    [t("supplier"), supplier],
    [t("source"), item.foreign_landing_url && link(host(item.foreign_landing_url), item.foreign_landing_url)],
    [t("dimensions"), `${number(item.width)} × ${number(item.height)} · ${number(item.megapixels, item.megapixels < 0.1 ? 2 : 1)} MP`],
    [t("format"), `${item.format.toUpperCase()} · ${bytes(item.byte_size)}`],
    [t("filename"), item.filename],
    [t("created"), item.created],
    [t("added"), date(item.added)],
    [t("image_id"), item.id],
  ];
  return h("dl", { class: "facts" }, rows.filter(([, value]) => value).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

const isWeb = (url) => /^https?:\/\//i.test(url ?? "");

/** A link into the web; whatever else a supplier wrote there stays text. */
function link(text, href) {
  return isWeb(href) ? h("a", { href, target: "_blank", rel: "noopener noreferrer" }, text, icon("out")) : text;
}

function host(url) {
  try {
    return new URL(url).host;
  } catch {
    return url;
  }
}

async function loadStrip(item, actions) {
  strip?.abort();
  strip = new AbortController();
  const list = $("#detail .strip-list");
  try {
    const { results } = await similarTo(item.id, 12, strip.signal);
    fill(list, results.filter((other) => other.id !== item.id).map((other) => tile(other, actions)));
    if (!list.children.length) fill(list, h("li", { class: "note" }, t("no_similar")));
  } catch (error) {
    if (error.name !== "AbortError") fill(list, h("li", { class: "note" }, error.message));
  } finally {
    list.removeAttribute("aria-busy");
  }
  await loadMore(item, actions, strip.signal);
}

/** Below: where it was used, more of its creator, more of its supplier; each only where there is some. */
async function loadMore(item, actions, signal) {
  const [uses, creator, supplier] = await Promise.all([
    usesOf(item.id, signal).catch(() => null),
    item.creator ? moreOf("creator", item.creator, signal).catch(() => []) : [],
    moreOf("supplier", item.supplier, signal).catch(() => [])]);
  if (signal.aborted || current?.item !== item) return;
  if (uses && uses.projects.length + uses.collections.length) fill($("#detail .uses"), h("h3", {}, t("where_used")), h("ul", {},
    uses.collections.map(({ id, name }) => h("li", {}, icon("collect"), h("a", { href: `/collections/${id}` }, name))),
    uses.projects.slice(0, 8).map((one) => h("li", {}, icon("download"), [one.project || t(`purpose_${one.purpose}`), one.medium && t(`medium_${one.medium}`), date(one.at)].filter(Boolean).join(" · ")))));
  const more = (title, items) => items.filter((other) => other.id !== item.id).slice(0, 12);
  const strips = [[t("more_of", { name: item.creator }), more("creator", creator)], [t("more_of", { name: supplierTitle(item.supplier) }), more("supplier", supplier)]];
  fill($("#detail .more-strips"), strips.filter(([, items]) => items.length).map(([title, items]) => h("div", { class: "strip" }, h("h3", {}, title), h("ul", { class: "strip-list" }, items.map((other) => tile(other, actions))))));
}

function tile(item, actions) {
  const node = h("li", {}, h("a", { class: "frame", href: actions.href(item), title: item.title, onclick: (event) => {
    report("click", item, node);
    if (event.metaKey || event.ctrlKey) return;
    event.preventDefault();
    actions.onOpen(item);
  } }, frame(item)));
  node.style.setProperty("--ratio", Math.min(2, Math.max(0.6, item.width / item.height)).toFixed(4));
  return watch(node, item);
}
