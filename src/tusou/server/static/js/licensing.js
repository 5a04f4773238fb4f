// "What is it for?": the question before a file is handed out, and the answer to "may I?".

import { $, debounce, fill, h, icon, toast } from "./dom.js";
import { boot, t } from "./boot.js";
import { Problem, checkUse, exportCollection, licenseImage } from "./api.js";
import { report } from "./events.js";
import { MEDIA, PURPOSES } from "./uses.js";
import { closeButton } from "./pictures.js";

const SIZES = ["original", "2048", "1280", "512"];
const FORMATS = ["original", "jpeg", "png", "webp"];
const KEPT = "tusou_use";

/** What was chosen last: whoever makes one magazine need not say so for every picture. */
function lastUse() {
  try {
    return { purpose: "editorial", medium: "", project: "", size: "original", format: "original", modify: false, ...JSON.parse(localStorage.getItem(KEPT) ?? "{}") };
  } catch {
    return { purpose: "editorial", medium: "", project: "", size: "original", format: "original", modify: false };
  }
}

function keepUse(use) {
  try {
    localStorage.setItem(KEPT, JSON.stringify(use));
  } catch { /* private windows may refuse */ }
}

/** Ask what an image is for, and fetch it. */
export function openDownload(item) {
  const comp = h("a", { class: "button", href: `/media/comps/${encodeURIComponent(item.id)}`, download: "", onclick: () => { report("comp_download", item); toast(t("comp_taken")); } }, icon("picture"), t("take_comp"));
  const verdict = h("div", { class: "verdict", role: "status" });
  const go = h("button", { class: "primary", type: "submit" }, icon("download"), t("download"));
  const check = debounce(80, async () => {
    const found = await checkUse(item.id, read(form)).catch((error) => ({ allowed: false, reasons: [], message: error.message }));
    fill(verdict, verdictOf(found));
    go.disabled = !found.allowed;
  });
  const form = useForm(item, check, async (use) => {
    const grant = await licenseImage({ image_id: item.id, purpose: use.purpose, medium: use.medium || null, project: use.project, modify: use.modify });
    const link = h("a", { href: `${grant.download_location}?size=${use.size}&format=${use.format}`, download: "" });
    document.body.append(link);
    link.click();
    link.remove();
    report("download", item);
    toast(grant.duties.includes("attribution") ? t("downloaded_credit") : t("downloaded"));
  }, verdict, go);
  $("footer", form).prepend(comp);
  show(t("download"), form);
  check();
}

/** Ask what a whole collection is for, and fetch it as a zip. */
export function openExport(id) {
  const go = h("button", { class: "primary", type: "submit" }, icon("download"), t("export_zip"));
  show(t("export_zip"), useForm(null, () => {}, async (use) => {
    go.disabled = true;
    const blob = await exportCollection(id, { ...use, medium: use.medium || null });
    const link = h("a", { href: URL.createObjectURL(blob), download: "collection.zip" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    toast(t("downloaded"));
  }, h("p", { class: "note" }, t("export_note")), go));
}

function show(title, form) {
  const dialog = $("#sheet");
  fill(dialog, h("div", { class: "sheet" }, h("header", {}, h("h2", { id: "sheet-title" }, title), closeButton(dialog)), form));
  if (!dialog.open) dialog.showModal();
  $("input:checked", form)?.focus();
}

function useForm(item, onChange, onUse, note, go) {
  const last = lastUse();
  const select = (name, values, label) => h("label", { class: "field" }, h("span", {}, t(name)),
    h("select", { name, onchange: onChange }, values.map((value) => h("option", { value, selected: last[name] === value || null }, label(value)))));
  const large = item ? Math.max(item.width, item.height) : Infinity;
  const form = h("form", { class: "use-form", onsubmit: async (event) => {
    event.preventDefault();
    const use = read(form);
    keepUse(use);
    try {
      await onUse(use);
      $("#sheet").close();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      go.disabled = false;
      toast(boot.strings[`problem_${error.code}`] ?? error.message);
    }
  } },
    h("fieldset", { class: "purposes" }, h("legend", {}, t("purpose")), PURPOSES.map((purpose) => h("label", {},
      h("input", { type: "radio", name: "purpose", value: purpose, checked: last.purpose === purpose, onchange: onChange }), h("span", {}, t(`purpose_${purpose}`))))),
    select("medium", ["", ...MEDIA], (medium) => t(medium ? `medium_${medium}` : "medium_any")),
    h("label", { class: "choice" }, h("input", { type: "checkbox", name: "modify", checked: last.modify, onchange: onChange }), h("span", {}, t("will_modify"))),
    h("label", { class: "field" }, h("span", {}, t("project")), h("input", { type: "text", name: "project", maxlength: 200, value: last.project, placeholder: t("project_hint"), autocomplete: "off" })),
    h("div", { class: "pair" },
      select("size", SIZES.filter((size) => size === "original" || Number(size) < large), (size) => (size === "original" ? t("size_original") : `${size} px`)),
      select("format", FORMATS, (format) => (format === "original" ? t("format_original") : format.toUpperCase()))),
    note, h("footer", {}, go));
  return form;
}

function read(form) {
  const data = new FormData(form);
  return { purpose: data.get("purpose"), medium: data.get("medium"), project: data.get("project").trim(), size: data.get("size"), format: data.get("format"), modify: data.get("modify") === "on" };
}

function verdictOf({ allowed, reasons, duties = [], until, message }) {
  if (!allowed) return [h("p", { class: "no" }, icon("cross"), h("strong", {}, t("use_no"))), h("ul", {}, (message ? [message] : reasons.map((code) => t(`reason_${code}`))).map((text) => h("li", {}, text)))];
  const notes = [...duties.map((duty) => t(`must_${duty}`)), until && t("use_until", { date: until })].filter(Boolean);
  return [h("p", { class: "yes" }, icon("check"), h("strong", {}, t("use_yes"))), notes.length > 0 && h("ul", {}, notes.map((text) => h("li", {}, text)))];
}
