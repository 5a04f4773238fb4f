// Put images into a collection, or into a new one.

import { $, fill, h, icon, toast } from "./dom.js";
import { number, t } from "./boot.js";
import { addToCollection, createCollection, listCollections } from "./api.js";
import { closeButton } from "./pictures.js";

/** Ask where to; `onDone` follows once it is stored. */
export async function openCollect(ids, onDone = () => {}) {
  const dialog = $("#sheet");
  const add = async (collection) => {
    const { count } = await addToCollection(collection.id, ids).catch((error) => { toast(error.message); return {}; });
    if (count === undefined) return;
    dialog.close();
    toast(t("added_to", { count: number(count), name: collection.name }));
    onDone();
  };
  const name = h("input", { type: "text", id: "new-collection", maxlength: 200, placeholder: t("new_collection"), "aria-label": t("new_collection"), autocomplete: "off", required: true });
  const list = h("ul", { class: "collection-list", "aria-busy": "true" });
  fill(dialog, h("div", { class: "sheet" },
    h("header", {}, h("h2", { id: "sheet-title" }, t("add_to_collection")), closeButton(dialog)),
    h("form", { class: "row", onsubmit: async (event) => {
      event.preventDefault();
      const made = await createCollection(name.value.trim()).catch((error) => { toast(error.message); return null; });
      if (made) await add(made);
    } }, name, h("button", { class: "primary", type: "submit" }, icon("add"), t("create"))), list));
  dialog.showModal();
  const found = await listCollections().catch((error) => { toast(error.message); return []; });
  list.removeAttribute("aria-busy");
  fill(list, found.map((one) => h("li", {}, h("button", { type: "button", onclick: () => add(one) },
    h("span", { class: "covers" }, one.covers.slice(0, 1).map((url) => h("img", { src: url, alt: "" }))),
    h("span", { class: "name" }, one.name), h("small", {}, number(one.count))))));
}
