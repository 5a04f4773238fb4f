// Why an image matched: which words stand in which field, and what each feature earned.

import { h } from "./dom.js";
import { boot, number, t } from "./boot.js";

const FIELDS = ["title", "keywords", "description", "creator", "filename"];

const known = (prefix, name) => (boot.strings[`${prefix}_${name}`] ? t(`${prefix}_${name}`) : name.replaceAll("_", " "));

/** A text as nodes, with the query's words marked. */
export function highlight(text, words) {
  const wanted = [...new Set(words)].filter(Boolean).sort((a, b) => b.length - a.length);
  if (!wanted.length) return [text];
  const pattern = new RegExp(`(${wanted.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|")})`, "gi");
  return text.split(pattern).map((part, at) => (at % 2 ? h("mark", {}, part) : part));
}

/** The whole explanation, folded until somebody asks. */
export function drawWhy({ explain, probability }) {
  const matches = FIELDS.map((field) => [field, explain.matches[field] ?? []]).filter(([, words]) => words.length);
  const by = explain.contributions.some((part) => part.feature === "image_similarity") ? "image" : "words";
  const most = Math.max(...explain.contributions.map((part) => Math.abs(part.contribution)), 1e-9);
  return h("details", { class: "why", open: true },
    h("summary", {}, t("why")),
    matches.length > 0 && h("dl", { class: "matches" }, matches.map(([field, words]) => [
      h("dt", {}, known("field", field)), h("dd", {}, words.map((word) => h("mark", {}, word)))])),
    !matches.length && h("p", { class: "note" }, t("why_by_meaning")),
    probability !== null && h("p", { class: "note" }, t("why_probability", { share: number(probability * 100, 0) })),
    explain.percentile !== null && h("p", { class: "note" }, t(by === "image" ? "why_percentile_picture" : "why_percentile", { share: number(Math.floor(explain.percentile * 1000) / 10, 1) })),
    explain.rules.map((rule) => h("p", { class: "note" }, t(`why_rule_${rule.kind}`), rule.until && ` ${t("why_rule_until", { date: new Date(rule.until).toLocaleDateString(document.documentElement.lang) })}`, rule.note && ` · ${rule.note}`)),
    h("ul", { class: "bars" }, explain.contributions.filter((part) => Math.abs(part.contribution) > 0.0005).slice(0, 8).map((part) => bar(part, most))));
}

function bar(part, most) {
  const meter = h("span", { class: part.contribution < 0 ? "meter less" : "meter" });
  meter.style.setProperty("--share", Math.abs(part.contribution) / most);
  return h("li", { title: `${part.feature} = ${part.value === null ? "?" : number(part.value, 4)} × ${number(part.weight, 3)}` },
    h("span", { class: "feature" }, known("feature", part.feature)), meter,
    h("span", { class: "amount" }, `${part.contribution < 0 ? "−" : "+"}${number(Math.abs(part.contribution), 3, 3)}`));
}
