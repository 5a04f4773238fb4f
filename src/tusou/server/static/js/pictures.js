// The query picture: drop, paste, choose or name by URL; kept in this tab only.

import { $, fill, h, icon, toast } from "./dom.js";
import { boot, t } from "./boot.js";

const held = new Map(); // key → {key, blob, url}; history entries name the key
let next = Date.now();

export const pictureOf = (key) => held.get(key) ?? null;

/** Keep a picture for this tab, made small enough to send quickly. */
export async function hold(file) {
  const blob = await shrink(file);
  if (blob.size > boot.limits.max_upload_bytes) {
    toast(t("picture_too_large"));
    return null;
  }
  const picture = { key: String(next++), blob, url: URL.createObjectURL(blob) };
  held.set(picture.key, picture);
  return picture;
}

/** Large photos are scaled down here: the engine looks at 512 pixels, and the network is slower than a canvas. */
async function shrink(file) {
  if (file.size < 1_500_000) return file;
  try {
    const bitmap = await createImageBitmap(file);
    const scale = Math.min(1, 1600 / Math.max(bitmap.width, bitmap.height));
    const canvas = new OffscreenCanvas(Math.round(bitmap.width * scale), Math.round(bitmap.height * scale));
    canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    return await canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 });
  } catch {
    return file; // a format this browser cannot read may still be one the server reads
  }
}

/** Where the search's picture can be seen, or null. */
export function pictureUrl(search) {
  if (search.picture) return search.picture.url;
  if (search.image_id) return `/media/thumbnails/${encodeURIComponent(search.image_id)}.jpg`;
  return null;
}

/** Watch the whole page for dropped and pasted pictures. */
export function listen({ onFile, onUrl }) {
  let depth = 0;
  const veil = $("#veil");
  const carriesPicture = (event) => [...(event.dataTransfer?.types ?? [])].some((type) => type === "Files" || type === "text/uri-list");
  document.addEventListener("dragenter", (event) => {
    if (!carriesPicture(event)) return;
    depth += 1;
    veil.hidden = false;
  });
  document.addEventListener("dragleave", () => {
    depth = Math.max(0, depth - 1);
    veil.hidden = depth === 0;
  });
  document.addEventListener("dragover", (event) => carriesPicture(event) && event.preventDefault());
  document.addEventListener("drop", (event) => {
    depth = 0;
    veil.hidden = true;
    if (!carriesPicture(event)) return;
    event.preventDefault();
    take(event.dataTransfer, onFile, onUrl);
  });
  document.addEventListener("paste", (event) => {
    const file = firstPicture(event.clipboardData);
    if (file) {
      event.preventDefault();
      onFile(file);
    }
  });
}

function firstPicture(transfer) {
  return [...(transfer?.files ?? [])].find((file) => file.type.startsWith("image/")) ?? null;
}

function take(transfer, onFile, onUrl) {
  const file = firstPicture(transfer);
  const address = transfer.getData("text/uri-list").split("\n").find((line) => /^https?:/.test(line));
  if (file) onFile(file);
  else if (transfer.files.length) toast(t("not_a_picture"));
  else if (address) onUrl(address.trim());
}

/** The dialog for choosing a file or naming an address. */
export function chooser({ onFile, onUrl }) {
  const dialog = $("#chooser");
  const file = h("input", { type: "file", accept: "image/*", class: "visually-hidden", id: "file", onchange: () => {
    if (file.files[0]) { dialog.close(); onFile(file.files[0]); file.value = ""; }
  } });
  const address = h("input", { type: "url", id: "address", placeholder: "https://", autocomplete: "off" });
  const form = h("form", { class: "address-form", onsubmit: (event) => {
    event.preventDefault();
    if (!/^https?:\/\/\S+$/.test(address.value.trim())) { address.focus(); return; }
    dialog.close();
    onUrl(address.value.trim());
    address.value = "";
  } }, h("label", { for: "address" }, t("picture_by_url")), h("div", { class: "row" }, address, h("button", { class: "primary", type: "submit" }, t("search"))));
  fill(dialog, h("div", { class: "sheet" },
    h("header", {}, h("h2", { id: "chooser-title" }, t("try_image")), closeButton(dialog)),
    h("label", { class: "dropzone", for: "file" }, icon("picture"), h("strong", {}, t("choose_file")), h("span", {}, t("choose_hint"))),
    file, form, h("p", { class: "note" }, icon("lock"), t("picture_privacy"))));
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  return () => dialog.showModal();
}

export function closeButton(dialog) {
  return h("button", { class: "quiet", type: "button", "aria-label": t("close"), onclick: () => dialog.close() }, icon("close"));
}
