// Send images in, say what they show, and let them into the library: one queue, for senders and reviewers.

import { $, fill, h, icon, toast } from "./dom.js";
import { boot, date, licenseLabel, number, supplierTitle, t } from "./boot.js";
import { submissions } from "./api.js";
import { closeButton } from "./pictures.js";

const main = $("#upload");
const FIELDS = ["title_zh", "title_en", "keywords_zh", "keywords_en", "creator", "license"];
const failed = (error) => toast(boot.strings[`problem_${error.code}`] ?? error.message);
const queue = h("ul", { class: "submissions", "aria-live": "polite" });
const running = h("ul", { class: "sending", "aria-live": "polite" });

draw();
refresh();

function draw() {
  const supplier = h("select", { id: "supplier" }, Object.values(boot.suppliers).map(({ name, title }) => h("option", { value: name }, title)));
  const file = h("input", { type: "file", accept: "image/*", multiple: true, class: "visually-hidden", id: "files", onchange: () => { send([...file.files], supplier.value); file.value = ""; } });
  const drop = h("label", { class: "dropzone", for: "files" }, icon("picture"), h("strong", {}, t("choose_files")), h("span", {}, t("upload_hint")));
  drop.addEventListener("dragover", (event) => event.preventDefault());
  drop.addEventListener("drop", (event) => { event.preventDefault(); send([...event.dataTransfer.files], supplier.value); });
  fill(main, h("div", { class: "manage-head" }, h("h1", {}, t("upload")), h("label", { class: "field" }, h("span", {}, t("supplier")), supplier)), file, drop, running, h("h2", {}, t(boot.may_review ? "review_queue" : "your_submissions")), queue);
}

/** One after the other: each is checked by the model while the next waits. */
async function send(files, supplier) {
  for (const one of files) {
    const line = h("li", {}, icon("clock"), h("span", {}, one.name), h("small", {}, t("checking")));
    running.append(line);
    try {
      if (one.size > boot.limits.max_upload_bytes) throw Object.assign(new Error(t("picture_too_large")), { code: "" });
      await submissions.send(one, supplier);
      line.remove();
      await refresh();
    } catch (error) {
      fill(line, icon("warning"), h("span", {}, one.name), h("small", {}, boot.strings[`problem_${error.code}`] ?? error.message), h("button", { class: "quiet small", type: "button", "aria-label": t("close"), onclick: () => line.remove() }, icon("close")));
      line.classList.add("bad");
    }
  }
}

async function refresh() {
  const found = await submissions.list().catch((error) => { failed(error); return []; });
  const open = found.filter(({ status }) => ["submitted", "in_review"].includes(status));
  const done = found.filter(({ status }) => ["approved", "rejected"].includes(status)).reverse();
  fill(queue, open.map(card), done.map(decided));
  if (!found.length) fill(queue, h("li", { class: "note" }, t("nothing_yet")));
}

function card(one) {
  const inputs = Object.fromEntries(FIELDS.map((name) => [name, h("input", { type: "text", name, value: one.fields[name] ?? "", maxlength: 4000, list: name === "license" ? "codes" : null, autocomplete: "off" })]));
  const fields = () => Object.fromEntries(FIELDS.map((name) => [name, inputs[name].value]));
  const save = () => submissions.describe(one.id, one.revision, fields());
  const act = (work) => async () => { await work().then(refresh, async (error) => { failed(error); await refresh(); }); };
  return h("li", { class: "submission", "data-id": one.id },
    h("div", { class: "sent" }, h("img", { src: one.thumb, alt: one.filename }), h("small", {}, `${one.filename} · ${number(one.width)} × ${number(one.height)} · ${one.format.toUpperCase()}`), h("small", {}, `${supplierTitle(one.supplier)} · ${one.who} · ${date(one.created)}`), h("span", { class: "flag soon" }, t(`status_${one.status}`)), one.checks.warnings.length > 0 && h("small", {}, one.checks.warnings.join(", "))),
    h("div", { class: "said" }, FIELDS.map((name) => h("label", { class: "field" }, h("span", {}, t(`sub_${name}`)), inputs[name])),
      ["zh", "en"].map((lang) => one.checks.suggestions[lang].length > 0 && h("p", { class: "suggested" }, h("span", {}, t(`suggested_${lang}`)), one.checks.suggestions[lang].map(({ keyword, share }) => h("button", { class: "chip", type: "button", title: t("share_of_votes", { share: number(100 * share, 0) }), onclick: ({ currentTarget }) => { addKeyword(inputs[`keywords_${lang}`], keyword); currentTarget.disabled = true; } }, keyword, h("small", {}, `${number(100 * share, 0)} %`))))),
      h("div", { class: "row" }, h("button", { type: "button", onclick: act(async () => { await save(); toast(t("saved")); }) }, t("save")),
        boot.may_review && h("button", { class: "primary", type: "button", onclick: async ({ currentTarget }) => {
          currentTarget.disabled = true;
          fill(currentTarget, t("letting_in"));
          await act(async () => { const kept = await save(); await submissions.decide(one.id, kept.revision, "approved"); toast(t("let_into")); })();
        } }, icon("check"), t("approve")),
        boot.may_review && h("button", { type: "button", onclick: () => reject(one) }, icon("cross"), t("reject")))),
    one.checks.copies.length > 0 && h("div", { class: "twins" }, h("h3", {}, t("here_already")), h("div", { class: "side-by-side" }, h("figure", {}, h("img", { src: one.thumb, alt: t("sent_in") }), h("figcaption", {}, t("sent_in"))), one.checks.copies.slice(0, 3).map((copy) => h("figure", {}, h("a", { href: `/?view=${encodeURIComponent(copy.id)}&lang=${boot.lang}` }, h("img", { src: copy.thumb, alt: copy.id })), h("figcaption", {}, `${supplierTitle(copy.supplier)} · ${licenseLabel(copy.license)} · ${number(100 * copy.likeness, 0)} %`))))));
}

function decided(one) {
  return h("li", { class: "submission decided" }, h("span", {}, one.filename), h("span", { class: one.status === "approved" ? "flag good" : "flag" }, t(`status_${one.status}`)),
    one.image_id ? h("a", { href: `/?view=${encodeURIComponent(one.image_id)}&lang=${boot.lang}` }, one.image_id) : h("span", { class: "note" }, one.reason), h("small", {}, `${one.decided_by} · ${date(one.created)}`));
}

function addKeyword(input, keyword) {
  const words = input.value.split(/[,，、]/).map((word) => word.trim()).filter(Boolean);
  if (!words.includes(keyword)) input.value = [...words, keyword].join(", ");
}

function reject(one) {
  const reason = h("textarea", { rows: 3, required: true, maxlength: 4000, "aria-label": t("why_not") });
  const dialog = $("#sheet");
  fill(dialog, h("div", { class: "sheet" }, h("header", {}, h("h2", { id: "sheet-title" }, t("reject")), closeButton(dialog)), h("form", { class: "use-form", onsubmit: async (event) => {
    event.preventDefault();
    await submissions.decide(one.id, one.revision, "rejected", reason.value.trim()).then(() => dialog.close(), failed);
    await refresh();
  } }, h("label", { class: "field" }, h("span", {}, t("why_not")), reason), h("footer", {}, h("button", { class: "primary", type: "submit" }, t("reject"))))));
  dialog.showModal();
  reason.focus();
}
