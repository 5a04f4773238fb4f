// The filter panel: every field with counts, and the chips of what is active.

import { fill, h, icon } from "./dom.js";
import { boot, freedom, licenseLabel, licenseOf, number, supplierTitle, t } from "./boot.js";
import { MEDIA, PURPOSES } from "./uses.js";
import { filterCount } from "./address.js";

const SHAPES = ["landscape", "portrait", "square", "panoramic"];
const SIZES = ["", "0.5-", "2-", "8-"];
const USES = ["commercial", "modification"];
const seen = {}; // field → values met in this search, so that a choice can be widened again

const toggled = (list, value) => (list.includes(value) ? list.filter((other) => other !== value) : [...list, value]);

/** Forget the values of the search before. */
export function forgetValues() {
  for (const field of Object.keys(seen)) delete seen[field];
}

/** Draw the panel for a search and its answer: facet counts and how many images there are. */
export function drawPanel(panel, search, { facets, total } = {}, onChange) {
  const counts = Object.fromEntries(Object.entries(facets ?? {}).map(([field, pairs]) =>
    [field, new Map(pairs.map(({ value, count }) => [value, count]))]));
  const focused = panel.contains(document.activeElement) ? document.activeElement.id : "";
  fill(panel,
    h("header", {}, h("h2", {}, t("filters")),
      filterCount(search) > 0 && h("button", { class: "quiet small", type: "button", onclick: () => onChange("clear") }, t("clear_all")),
      h("button", { class: "quiet only-narrow", type: "button", "aria-label": t("close"), onclick: () => onChange("close") }, icon("close"))),
    usage(search, onChange),
    uses(search, counts.license_type, onChange),
    choices("license", t("license"), search, counts.license, (code) => [h("span", { class: `dot ${freedom(code)}` }), licenseLabel(code)], onChange),
    choices("supplier", t("supplier"), search, counts.supplier, (name) => [supplierTitle(name)], onChange, true),
    shapes(search, counts.orientation, onChange),
    colors(search, counts.color, onChange),
    sizes(search, onChange),
    choices("format", t("format"), search, counts.format, (format) => [format.toUpperCase()], onChange),
    h("button", { class: "primary only-narrow show-results", type: "button", onclick: () => onChange("close") }, total === undefined ? t("close") : t("show_results", { count: number(total) })));
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

const section = (title, ...content) => h("fieldset", {}, h("legend", {}, title), ...content);

const countOf = (counts, value) => counts?.has(value) ? h("span", { class: "count" }, number(counts.get(value))) : null;

/** "I want it for …": licence and agreement are read together by the server. */
function usage(search, onChange) {
  const select = (name, values, label, change) => h("select", { id: `filter-${name}`, "aria-label": t(name), onchange: ({ target }) => onChange(change(target.value)) },
    values.map((value) => h("option", { value, selected: search[name] === value || null }, label(value))));
  return section(t("intended_use"), h("div", { class: "use-selects" },
    select("usage", ["", ...PURPOSES], (value) => t(value ? `purpose_${value}` : "any"), (value) => ({ usage: value, medium: value ? search.medium : "" })),
    search.usage && select("medium", ["", ...MEDIA], (value) => t(value ? `medium_${value}` : "medium_any"), (value) => ({ medium: value }))));
}

function uses(search, counts, onChange) {
  return section(t("allowed"), USES.map((use) => h("label", { class: "choice" },
    h("input", { type: "checkbox", id: `use-${use}`, checked: search.license_type.includes(use), onchange: () => onChange({ license_type: toggled(search.license_type, use) }) }),
    h("span", { class: "name" }, t(`use_${use}`)), countOf(counts, use))));
}

function choices(field, title, search, counts, label, onChange, canExclude = false) {
  const excluded = canExclude ? search[`exclude_${field}`] : [];
  const values = [...new Set([...(counts?.keys() ?? []), ...(seen[field] ?? []), ...search[field], ...excluded])];
  seen[field] = values;
  if (!values.length) return null;
  const rows = values.filter((value) => value !== "").map((value) => row(field, value, search, counts, label(value), onChange, canExclude));
  const list = h("div", { class: "choices" }, rows.slice(0, 7));
  if (rows.length > 7) list.append(h("details", { open: rows.slice(7).some((node) => node.querySelector(":checked")) || null },
    h("summary", {}, t("more_values", { count: number(rows.length - 7) })), rows.slice(7)));
  return section(title, list);
}

function row(field, value, search, counts, label, onChange, canExclude) {
  const without = `exclude_${field}`;
  const isOut = canExclude && search[without].includes(value);
  const box = h("input", { type: "checkbox", id: `${field}-${value}`, checked: search[field].includes(value), onchange: () => onChange({ [field]: toggled(search[field], value), ...(canExclude && { [without]: search[without].filter((other) => other !== value) }) }) });
  return h("div", { class: `choice-row${isOut ? " out" : ""}` },
    h("label", { class: "choice" }, box, h("span", { class: "name" }, label), countOf(counts, value)),
    canExclude && h("button", { class: "exclude", type: "button", id: `not-${field}-${value}`, "aria-pressed": String(isOut), title: t("exclude"), "aria-label": `${t("exclude")}: ${value}`, onclick: () => onChange({ [without]: toggled(search[without], value), [field]: search[field].filter((other) => other !== value) }) }, icon("minus")));
}

function shapes(search, counts, onChange) {
  return section(t("orientation"), SHAPES.map((shape) => h("label", { class: "choice" },
    h("input", { type: "checkbox", id: `shape-${shape}`, checked: search.orientation.includes(shape), onchange: () => onChange({ orientation: toggled(search.orientation, shape) }) }),
    h("span", { class: "name" }, h("span", { class: `outline ${shape}` }), t(`shape_${shape}`)), countOf(counts, shape))));
}

function colors(search, counts, onChange) {
  const swatch = ({ name, hex, label }) => {
    const count = counts?.get(name);
    const chosen = search.color.includes(name);
    const node = h("button", { type: "button", class: "swatch", id: `color-${name}`, "aria-pressed": String(chosen), title: count === undefined ? label : `${label} · ${number(count)}`, "aria-label": label, onclick: () => onChange({ color: toggled(search.color, name) }) });
    node.style.setProperty("--color", hex);
    if (counts && !count && !chosen) node.classList.add("none");
    return node;
  };
  const own = search.color.find((color) => /^[0-9a-f]{6}$/i.test(color)) ?? "";
  const picker = h("input", { type: "color", id: "own-color", "aria-label": t("own_color"), value: own ? `#${own}` : "#c8402f", onchange: () => onChange({ color: [...search.color.filter((color) => color !== own), picker.value.slice(1)] }) });
  const tolerance = h("input", { type: "range", id: "tolerance", min: 5, max: 60, step: 5, value: search.color_tolerance, onchange: () => onChange({ color_tolerance: tolerance.value }) });
  return section(t("color"), h("div", { class: "swatches" }, boot.colors.map(swatch),
    h("label", { class: `swatch own${own ? " chosen" : ""}`, title: t("own_color") }, icon("drop"), picker)),
    search.color.length > 0 && h("label", { class: "slider" }, h("span", {}, t("tolerance")), tolerance));
}

function sizes(search, onChange) {
  return section(t("size"), h("div", { class: "segments" }, SIZES.map((size) =>
    h("button", { type: "button", id: `size-${size}`, "aria-pressed": String(search.megapixels === size), onclick: () => onChange({ megapixels: size }) },
      size ? `≥ ${size.slice(0, -1)} MP` : t("any")))));
}

/** Chips of the active filters; each takes itself away. */
export function drawChips(node, search, onChange) {
  const chips = [];
  const add = (label, change, lead) => chips.push(h("button", { class: "chip", type: "button", "aria-label": `${t("remove")}: ${label}`, onclick: () => onChange(change) }, lead, label, icon("close")));
  const lists = {
    license_type: (use) => t(`use_${use}`), license: licenseLabel, supplier: supplierTitle,
    exclude_supplier: (name) => `− ${supplierTitle(name)}`, orientation: (shape) => t(`shape_${shape}`),
    color: (name) => boot.colors.find((color) => color.name === name)?.label ?? `#${name}`, format: (format) => format.toUpperCase(),
  };
  for (const [field, label] of Object.entries(lists))
    for (const value of search[field]) add(label(value), { [field]: toggled(search[field], value) }, field === "color" ? colorDot(value) : null);
  if (search.usage) add([t(`purpose_${search.usage}`), search.medium && t(`medium_${search.medium}`)].filter(Boolean).join(" · "), { usage: "", medium: "" });
  if (search.megapixels) add(megapixels(search.megapixels), { megapixels: "" });
  if (chips.length > 1) chips.push(h("button", { class: "quiet small", type: "button", onclick: () => onChange("clear") }, t("clear_all")));
  fill(node, chips);
}

function megapixels(range) {
  const [low, high] = range.split("-");
  return high ? `${low || 0}–${high} MP` : `≥ ${low} MP`;
}

function colorDot(value) {
  const node = h("span", { class: "dot color" });
  node.style.setProperty("--color", boot.colors.find((color) => color.name === value)?.hex ?? `#${value}`);
  return node;
}

export const licenseName = (code) => licenseOf(code)?.name ?? licenseLabel(code);
