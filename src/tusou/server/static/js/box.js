// The picture in the box: its chip, and the tools that belong to it.

import { h, icon } from "./dom.js";
import { t } from "./boot.js";
import { pictureUrl } from "./pictures.js";
import { chooseRegion, parse } from "./region.js";

/** A search without its picture. */
export const noPicture = { picture: null, image_id: "", image_url: "", region: "", mode: "similar", image_weight: "0.5" };

/** The picture beside the words; a click chooses a part of it. */
export function pictureChip(search, go) {
  const url = pictureUrl(search);
  return h("span", { class: "picture-chip" },
    h("button", { type: "button", class: "thumb", title: t("choose_region"), "aria-label": t("choose_region"), disabled: !url, onclick: () => openRegion(search, go) },
      url ? h("span", { class: "thumb-frame" }, h("img", { src: url, alt: t("query_picture") }), regionMark(search.region)) : icon("link")),
    h("button", { type: "button", class: "quiet", "aria-label": t("remove_picture"), title: t("remove_picture"), onclick: () => go(noPicture) }, icon("close")));
}

const openRegion = (search, go) => chooseRegion(pictureUrl(search), search.region, (region) => go({ region }));

function regionMark(region) {
  const box = parse(region);
  if (!box) return null;
  const mark = h("span", { class: "region-mark" });
  const percent = (share) => `${share * 100}%`;
  Object.assign(mark.style, { left: percent(box.x), top: percent(box.y), width: percent(box.w), height: percent(box.h) });
  return mark;
}

/** Kind of match, part of the picture, weight against the words. */
export function pictureTools(search, go) {
  const mode = (name) => h("button", { type: "button", "aria-pressed": String(search.mode === name), onclick: () => go({ mode: name }) }, t(`mode_${name}`));
  const weight = h("input", { type: "range", id: "weight", min: 0, max: 1, step: 0.1, value: search.image_weight, "aria-label": t("weight"), onchange: () => go({ image_weight: weight.value }) });
  return [h("div", { class: "segments", role: "group", "aria-label": t("mode") }, mode("similar"), mode("same")),
    pictureUrl(search) && h("button", { type: "button", class: "quiet small", onclick: () => openRegion(search, go) }, icon("crop"), t(search.region ? "change_region" : "choose_region")),
    search.q && search.mode === "similar" && h("label", { class: "weight" }, h("span", {}, t("words")), weight, h("span", {}, t("picture"))),
    search.picture && h("span", { class: "note" }, icon("info"), t("picture_only_here"))];
}
