// The pages of collections: all of them, one of them, and one that a link shares.

import { $, fill, h, icon, toast } from "./dom.js";
import { boot, date, number, t } from "./boot.js";
import * as api from "./api.js";
import { card } from "./grid.js";
import { openExport } from "./licensing.js";
import { closeButton } from "./pictures.js";
import { copyText } from "./selection.js";

const main = $("#collections");
const language = boot.lang_chosen ? `lang=${boot.lang}` : "";
const pageOf = (id) => `/collections/${id}${language && `?${language}`}`;
const imageOf = (id) => `/?view=${encodeURIComponent(id)}${language && `&${language}`}`;
const failed = (error) => toast(boot.strings[`problem_${error.code}`] ?? error.message);

let shown = null; // the collection of this page, as read last

if (boot.shared) showShared();
else if (boot.collection) showOne();
else showAll();

async function showAll() {
  const name = h("input", { type: "text", maxlength: 200, required: true, placeholder: t("new_collection"), "aria-label": t("new_collection"), autocomplete: "off" });
  const form = h("form", { class: "row new-collection", onsubmit: async (event) => {
    event.preventDefault();
    const made = await api.createCollection(name.value.trim()).catch(failed);
    if (made) location.href = pageOf(made.id);
  } }, name, h("button", { class: "primary", type: "submit" }, icon("add"), t("create")));
  const [found, saved] = await Promise.all([api.listCollections().catch(failed).then((list) => list ?? []), api.listSaved().catch(failed).then((list) => list ?? [])]);
  fill(main, h("div", { class: "collections-head" }, h("h1", {}, t("collections")), form),
    found.length === 0 && h("p", { class: "state" }, icon("collect"), t("no_collections")),
    h("ul", { class: "collection-tiles" }, found.map((one) => h("li", {}, h("a", { href: pageOf(one.id) },
      h("span", { class: `mosaic m${Math.min(4, one.covers.length)}` }, one.covers.map((url) => h("img", { src: url, alt: "", loading: "lazy" })), !one.covers.length && icon("collect")),
      h("strong", {}, one.name), h("small", {}, `${t("found", { count: number(one.count) })} · ${date(one.updated)}`))))),
    saved.length > 0 && h("h2", { class: "smart" }, t("saved_searches")),
    saved.length > 0 && h("ul", { class: "collection-tiles" }, saved.map(savedTile)));
}

/** A search that fills itself; opening it says that one has looked. */
function savedTile(one) {
  const href = `/?${one.address}${language && `&${language}`}`;
  return h("li", {}, h("a", { href, onclick: () => { api.seeSaved(one.id).catch(() => {}); } },
    h("span", { class: `mosaic m${Math.min(4, one.covers.length)}` }, one.covers.map((url) => h("img", { src: url, alt: "", loading: "lazy" })), !one.covers.length && icon("search")),
    h("strong", {}, one.name), h("small", {}, one.problem || t("found", { count: number(one.count) }), one.new > 0 && h("span", { class: "new" }, t("new_images", { count: number(one.new) })))),
  h("button", { class: "quiet small", type: "button", "aria-label": `${t("delete")}: ${one.name}`, onclick: () => api.deleteSaved(one.id).then(showAll, failed) }, icon("trash")));
}

async function showOne() {
  const found = await api.getCollection(boot.collection).catch((error) => { fill(main, h("p", { class: "state error", role: "alert" }, icon("warning"), boot.strings[`problem_${error.code}`] ?? error.message)); });
  if (!found) return;
  shown = found.collection;
  document.title = `${shown.name} · ${t("brand")}`;
  const grid = h("ul", { class: "grid", id: "grid" }, found.images.map((item) => (item.gone ? goneCard(item) : ownCard(item))));
  fill(main,
    h("p", { class: "crumb" }, h("a", { href: `/collections${language && `?${language}`}` }, t("collections"))),
    h("div", { class: "collections-head" },
      h("div", {}, h("h1", { id: "name" }, shown.name), shown.description && h("p", { class: "note" }, shown.description),
        h("p", { class: "note" }, `${t("found", { count: number(shown.count) })} · ${shown.owner}`)),
      h("div", { class: "head-actions" },
        h("button", { type: "button", onclick: openShares }, icon("link"), t("share")),
        h("button", { type: "button", disabled: !shown.count, onclick: () => openExport(shown.id) }, icon("download"), t("export_zip")),
        h("a", { class: "button", href: `/api/v1/collections/${shown.id}/contact-sheet.pdf?lang=${boot.lang}`, download: "" }, icon("same"), t("contact_sheet")),
        h("button", { type: "button", onclick: openRename }, icon("edit"), t("rename")),
        h("button", { type: "button", onclick: remove }, icon("trash"), t("delete")))),
    shown.count === 0 && h("p", { class: "state" }, icon("collect"), t("empty_collection")),
    grid, h("section", { id: "comments", "aria-label": t("comments") }));
  drawComments();
}

function ownCard(item) {
  const node = card(item, { href: imageOf(item.id), onOpen: () => { location.href = imageOf(item.id); }, onSimilar: () => { location.href = `/?image_id=${encodeURIComponent(item.id)}${language && `&${language}`}`; } });
  node.querySelector(".pick")?.remove();
  node.append(h("button", { class: "take-out", type: "button", title: t("take_out"), "aria-label": `${t("take_out")}: ${item.title || t("untitled")}`, onclick: () => takeOut(item, node) }, icon("close")));
  node.draggable = true;
  node.addEventListener("dragstart", (event) => { event.dataTransfer.setData("text/x-tusou-image", item.id); event.dataTransfer.effectAllowed = "move"; node.classList.add("moving"); });
  node.addEventListener("dragend", () => node.classList.remove("moving"));
  node.addEventListener("dragover", (event) => { if (event.dataTransfer.types.includes("text/x-tusou-image")) { event.preventDefault(); node.classList.add("before"); } });
  node.addEventListener("dragleave", () => node.classList.remove("before"));
  node.addEventListener("drop", (event) => { event.preventDefault(); node.classList.remove("before"); move(event.dataTransfer.getData("text/x-tusou-image"), node); });
  node.addEventListener("keydown", (event) => {
    if (!event.altKey || !["ArrowLeft", "ArrowRight"].includes(event.key)) return;
    event.preventDefault();
    const other = event.key === "ArrowLeft" ? node.previousElementSibling : node.nextElementSibling?.nextElementSibling;
    if (event.key === "ArrowLeft" && !other) return;
    move(item.id, other ?? null).then(() => node.querySelector("a.frame").focus());
  });
  return node;
}

const goneCard = ({ id }) => h("li", { class: "card gone", "data-id": id }, h("span", { class: "frame" }, icon("cross")), h("div", { class: "caption" }, h("span", { class: "title" }, t("image_gone")), h("button", { class: "quiet small", type: "button", onclick: ({ target }) => takeOut({ id }, target.closest("li")) }, t("take_out"))));

async function move(id, before) {
  const node = document.querySelector(`.card[data-id="${CSS.escape(id)}"]`);
  if (!node || node === before) return;
  if (await api.orderCollection(shown.id, [id], before?.dataset.id ?? "").then(() => true, failed)) $("#grid").insertBefore(node, before);
}

async function takeOut(item, node) {
  if (await api.takeFromCollection(shown.id, [item.id]).then(() => true, failed)) {
    node.remove();
    toast(t("taken_out"));
  }
}

async function drawComments() {
  const found = await api.listComments(shown.id).catch(failed) ?? [];
  const words = h("textarea", { rows: 2, maxlength: 4000, required: true, placeholder: t("write_comment"), "aria-label": t("write_comment") });
  fill($("#comments"), h("h2", {}, t("comments")),
    h("ol", {}, found.map((one) => h("li", {}, h("p", {}, one.words), h("small", {}, `${one.author} · ${date(one.created)}`),
      h("button", { class: "quiet small", type: "button", "aria-label": t("delete"), onclick: () => api.deleteComment(shown.id, one.id).then(drawComments, failed) }, icon("close"))))),
    h("form", { class: "row", onsubmit: async (event) => {
      event.preventDefault();
      if (words.value.trim()) await api.comment(shown.id, words.value.trim()).then(drawComments, failed);
    } }, words, h("button", { type: "submit" }, t("send"))));
}

function sheet(title, ...content) {
  const dialog = $("#sheet");
  fill(dialog, h("div", { class: "sheet" }, h("header", {}, h("h2", { id: "sheet-title" }, title), closeButton(dialog)), content));
  if (!dialog.open) dialog.showModal();
}

async function openShares() {
  const found = await api.listShares(shown.id).catch(failed) ?? [];
  const days = h("select", { "aria-label": t("share_days") }, [7, 14, 30, 90].map((count) => h("option", { value: count, selected: count === 14 || null }, t("days", { count }))));
  sheet(t("share"), h("p", { class: "note" }, t("share_note")),
    h("form", { class: "row", onsubmit: async (event) => {
      event.preventDefault();
      const made = await api.share(shown.id, Number(days.value)).catch(failed);
      if (!made) return;
      const url = new URL(made.url, location.href).href;
      await copyText(url).catch(() => {});
      await openShares();
      $("#sheet .sheet").append(h("p", { class: "new-link" }, h("input", { readonly: true, value: url, "aria-label": t("share") }), h("span", { class: "note" }, t("link_copied"))));
    } }, days, h("button", { class: "primary", type: "submit" }, icon("link"), t("make_link"))),
    h("ul", { class: "share-list" }, found.map((one) => h("li", {}, h("span", {}, t("link_until", { date: date(one.expires), who: one.created_by })),
      h("button", { class: "quiet small", type: "button", onclick: () => api.unshare(shown.id, one.id).then(openShares, failed) }, t("end_link"))))));
}

function openRename() {
  const name = h("input", { type: "text", value: shown.name, maxlength: 200, required: true, "aria-label": t("name") });
  const description = h("textarea", { rows: 3, maxlength: 4000, "aria-label": t("description") });
  description.value = shown.description;
  sheet(t("rename"), h("form", { class: "use-form", onsubmit: async (event) => {
    event.preventDefault();
    const changed = await api.renameCollection(shown.id, { name: name.value.trim(), description: description.value.trim(), revision: shown.revision }).catch(failed);
    if (!changed) return;
    $("#sheet").close();
    showOne();
  } }, h("label", { class: "field" }, h("span", {}, t("name")), name), h("label", { class: "field" }, h("span", {}, t("description")), description), h("footer", {}, h("button", { class: "primary", type: "submit" }, t("save")))));
}

function remove() {
  sheet(t("delete"), h("p", {}, t("delete_collection", { name: shown.name })), h("footer", {}, h("button", { class: "primary", type: "button", onclick: () => api.deleteCollection(shown.id).then(() => { location.href = `/collections${language && `?${language}`}`; }, failed) }, icon("trash"), t("delete"))));
}

function showShared() {
  const { collection, images, expires } = boot.shared;
  fill(main, h("div", { class: "collections-head" }, h("div", {}, h("h1", {}, collection.name), collection.description && h("p", { class: "note" }, collection.description),
    h("p", { class: "note" }, `${t("found", { count: number(collection.count) })} · ${t("shared_until", { date: date(expires) })}`))),
  h("ul", { class: "grid", id: "grid" }, images.filter((item) => !item.gone).map((item) => {
    const node = card(item, { href: item.urls.thumb, onOpen: () => { location.href = item.urls.thumb; }, onSimilar: () => {} });
    for (const button of node.querySelectorAll("button")) button.remove();
    node.append(h("p", { class: "credit" }, item.attribution));
    return node;
  })));
}
