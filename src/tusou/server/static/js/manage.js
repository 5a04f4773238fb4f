// The page for managers: what people look for, how suppliers deliver, what was handed out, who may do what.

import { $, fill, h, icon, toast } from "./dom.js";
import { boot, date, number, t } from "./boot.js";
import { manage } from "./api.js";
import { bars, line, table } from "./charts.js";
import { MEDIA, PURPOSES } from "./uses.js";
import { closeButton } from "./pictures.js";

const main = $("#manage");
const may = (permission) => boot.permissions.includes(permission);
const failed = (error) => { toast(boot.strings[`problem_${error.code}`] ?? error.message); };
const search = (q) => `/?q=${encodeURIComponent(q)}&lang=${boot.lang}`;
const share = (part, whole) => (whole ? `${number((100 * part) / whole, 0)} %` : "–");
const card = (title, ...content) => h("section", { class: "panel-card" }, h("h2", {}, title), ...content);

const TABS = { overview: ["records", showOverview], suppliers: ["records", showSuppliers], rules: ["rights", showRules], downloads: ["records", showDownloads], audit: ["records", showAudit], accounts: ["accounts", showAccounts] };

function open() {
  const wanted = location.hash.slice(1);
  const tab = TABS[wanted] && may(TABS[wanted][0]) ? wanted : "overview";
  fill($("#tabs"), Object.entries(TABS).filter(([, [permission]]) => may(permission)).map(([name]) => h("a", { href: `#${name}`, "aria-current": name === tab ? "page" : null }, t(`tab_${name}`))));
  fill(main, h("p", { class: "note" }, t("searching")));
  TABS[tab][1]().catch((error) => fill(main, h("p", { class: "state error", role: "alert" }, icon("warning"), boot.strings[`problem_${error.code}`] ?? error.message)));
}
addEventListener("hashchange", open);
open();

// ── overview ──────────────────────────────────────────────────────────────────────────────────────

async function showOverview(days = 30) {
  const found = await manage.dashboard(days);
  const sum = (name) => found.days.reduce((total, day) => total + day[name], 0);
  const period = h("select", { "aria-label": t("period"), onchange: ({ target }) => showOverview(Number(target.value)).catch(failed) }, [7, 30, 90, 365].map((count) => h("option", { value: count, selected: count === days || null }, t("days", { count }))));
  const tile = (value, label, note) => h("div", { class: "tile" }, h("strong", {}, value), h("span", {}, label), note && h("small", {}, note));
  const searches = sum("searches");
  const range = lastDays(days, found.days);
  fill(main, h("div", { class: "manage-head" }, h("h1", {}, t("tab_overview")), period),
    found.ending.map((one) => h("p", { class: "notice" }, t("ending_notice", { title: one.title, supplier: boot.suppliers[one.supplier]?.title ?? one.supplier, date: date(one.ends) }))),
    h("div", { class: "tiles" }, tile(number(searches), t("searches")), tile(share(sum("nothing"), searches), t("found_nothing")), tile(share(sum("weak"), searches), t("matched_weakly")), tile(number(sum("clicks")), t("clicks")), tile(number(sum("downloads")), t("downloads"))),
    h("div", { class: "two" },
      card(t("searches_by_day"), bars(range.map(({ day }) => day.slice(5)), [
        { name: "good", label: t("searches_answered"), values: range.map((one) => one.searches - one.nothing - one.weak) },
        { name: "weak", label: t("matched_weakly"), values: range.map((one) => one.weak) },
        { name: "none", label: t("found_nothing"), values: range.map((one) => one.nothing) }], t("searches_by_day"))),
      card(t("clicks_by_place"), found.places.some(({ impressions }) => impressions) ? line(found.places.filter(({ impressions }) => impressions).map(({ rank, impressions, clicks }) => [String(rank), Math.min(1, clicks / impressions)]), t("clicks_by_place"), [t("place"), t("clicks_per_look")]) : h("p", { class: "note" }, t("nothing_yet")))),
    queriesCard(t("weak_queries"), found.queries.filter(({ nothing, weak }) => nothing + weak > 0).sort((a, b) => b.nothing + b.weak - a.nothing - a.weak), true),
    queriesCard(t("frequent_queries"), found.queries, false),
    h("div", { class: "two" },
      card(t("top_images"), found.images.length ? h("ul", { class: "top-images" }, found.images.map((one) => h("li", {}, h("a", { href: `/?view=${encodeURIComponent(one.id)}&lang=${boot.lang}` }, h("img", { src: one.thumb, alt: one.title || t("untitled"), loading: "lazy" })), h("small", {}, t("clicks_downloads", { clicks: number(one.clicks), downloads: number(one.downloads) }))))) : h("p", { class: "note" }, t("nothing_yet"))),
      card(t("by_supplier"), found.suppliers.length ? table([t("supplier"), t("looks"), t("clicks"), t("downloads")], found.suppliers.map((one) => [boot.suppliers[one.supplier]?.title ?? one.supplier, one.impressions, one.clicks, one.downloads])) : h("p", { class: "note" }, t("nothing_yet")))),
    h("div", { class: "two" },
      card(t("stages"), table([t("stage"), t("count"), "ms"], found.stages.sort((a, b) => b.mean_ms - a.mean_ms).map((one) => [one.stage, one.count, number(one.mean_ms, 2)]))),
      card(t("in_use"), h("dl", { class: "facts" }, h("dt", {}, t("model")), h("dd", {}, found.in_use.model), h("dt", {}, t("ranker")), h("dd", {}, found.in_use.ranker), h("dt", {}, t("cutoff")), h("dd", {}, t(found.in_use.cutoff ? "yes" : "no"))))));
}

/** Every day of the period, also those without searches. */
function lastDays(count, days) {
  const known = new Map(days.map((one) => [one.day, one]));
  return Array.from({ length: Math.min(count, 90) }, (_, at) => {
    const day = new Date(Date.now() - (Math.min(count, 90) - 1 - at) * 86_400_000).toISOString().slice(0, 10);
    return known.get(day) ?? { day, searches: 0, nothing: 0, weak: 0, clicks: 0, downloads: 0 };
  });
}

/** Queries, each with a way to act. */
function queriesCard(title, queries, weak) {
  const shown = queries.slice(0, 15);
  return card(title, h("p", { class: "note" }, t("common_only")), shown.length ? table([t("query"), t("searches"), t("found_nothing"), t("matched_weakly"), t("clicked_share"), t("downloads"), ""], shown.map((one) => [
    h("a", { href: search(one.q) }, one.q), one.searches, one.nothing, one.weak, share(one.clicked, one.searches), one.downloads,
    h("span", { class: "acts" }, may("judge") && h("a", { href: `/judge?q=${encodeURIComponent(one.q)}&lang=${boot.lang}` }, t("judge_query")), may("rights") && h("button", { class: "quiet small", type: "button", onclick: () => openRule({ kind: "synonym", query: one.q }) }, t("add_synonym")), weak && h("button", { class: "quiet small", type: "button", onclick: () => askSuppliers(one.q) }, t("ask_suppliers")))])) : h("p", { class: "note" }, t("nothing_yet")));
}

/** A letter to suppliers about a theme the library lacks, ready to send. */
function askSuppliers(q) {
  const text = t("ask_text", { q });
  sheet(t("ask_suppliers"), h("textarea", { rows: 6, class: "wide", readonly: true, value: text }), h("footer", {}, h("a", { class: "button", href: `mailto:?subject=${encodeURIComponent(t("ask_subject", { q }))}&body=${encodeURIComponent(text)}` }, t("write_mail"))));
}

// ── suppliers ─────────────────────────────────────────────────────────────────────────────────────

async function showSuppliers() {
  const [health, agreements] = await Promise.all([manage.health(), may("rights") ? manage.agreements() : []]);
  fill(main, h("div", { class: "manage-head" }, h("h1", {}, t("tab_suppliers"))),
    card(t("health"), table([t("supplier"), t("images"), t("refused_share"), t("untitled_share"), t("without_keywords"), t("without_license"), t("doubled"), t("last_delivery")], health.map((one) => [
      h("span", {}, h("a", { href: `/?supplier=${encodeURIComponent(one.supplier)}&lang=${boot.lang}` }, one.title), one.withheld && h("span", { class: "flag" }, t("withheld"))),
      one.images, share(one.refused, one.delivered), share(one.untitled, one.images), share(one.without_keywords, one.images), share(one.without_license, one.images), share(one.doubled, one.images), one.last_job ? date(one.last_job) : "–"]))),
    may("rights") && card(t("agreements"), h("p", { class: "note" }, t("agreements_note")),
      agreements.length > 0 && table([t("supplier"), t("title"), t("purpose"), t("medium"), t("territories"), t("until"), ""], agreements.map((one) => [
        boot.suppliers[one.supplier]?.title ?? one.supplier, one.title, one.purposes.map((purpose) => t(`purpose_${purpose}`)).join(", ") || t("all"), one.media.map((medium) => t(`medium_${medium}`)).join(", ") || t("all"), one.territories.join(", ") || t("worldwide"),
        h("span", {}, one.ends ? date(one.ends) : "–", !one.runs && h("span", { class: "flag" }, t("ended")), one.ending && h("span", { class: "flag soon" }, t("ends_soon"))),
        h("span", { class: "acts" }, h("button", { class: "quiet small", type: "button", onclick: () => openAgreement(one) }, t("change")), h("button", { class: "quiet small", type: "button", onclick: () => manage.deleteAgreement(one.id).then(showSuppliers, failed) }, t("delete")))])),
      h("button", { type: "button", onclick: () => openAgreement(null) }, icon("add"), t("new_agreement"))));
}

function openAgreement(one) {
  const many = (name, values, label) => h("fieldset", { class: "many" }, h("legend", {}, t(name)), values.map((value) => h("label", { class: "choice" }, h("input", { type: "checkbox", name, value, checked: one?.[name]?.includes(value) ?? false }), h("span", {}, label(value)))));
  const field = (name, label, attributes = {}) => h("label", { class: "field" }, h("span", {}, label), h("input", { type: "text", name, value: one?.[name] ?? "", ...attributes }));
  sheet(t(one ? "change" : "new_agreement"), h("form", { class: "use-form", onsubmit: async (event) => {
    event.preventDefault();
    const data = new FormData(event.target);
    const terms = { title: data.get("title").trim(), purposes: data.getAll("purposes"), media: data.getAll("media"), territories: data.get("territories").split(/[\s,，、]+/).filter(Boolean), starts: data.get("starts"), ends: data.get("ends"), note: data.get("note").trim(), notice_days: one?.notice_days ?? 30 };
    const kept = await (one ? manage.amendAgreement(one.id, { ...terms, revision: one.revision }) : manage.addAgreement({ ...terms, supplier: data.get("supplier") })).catch(failed);
    if (!kept) return;
    $("#sheet").close();
    await showSuppliers();
  } },
    !one && h("label", { class: "field" }, h("span", {}, t("supplier")), h("select", { name: "supplier" }, Object.values(boot.suppliers).map(({ name, title }) => h("option", { value: name }, title)))),
    field("title", t("title"), { required: true, maxlength: 200 }), many("purposes", PURPOSES, (value) => t(`purpose_${value}`)), many("media", MEDIA, (value) => t(`medium_${value}`)),
    h("label", { class: "field" }, h("span", {}, t("territories_hint")), h("input", { type: "text", name: "territories", value: one?.territories.join(" ") ?? "", placeholder: "CN US" })),
    h("div", { class: "pair" }, field("starts", t("starts"), { type: "date" }), field("ends", t("ends"), { type: "date" })), field("note", t("note"), { maxlength: 4000 }),
    h("p", { class: "note" }, t("nothing_chosen")), h("footer", {}, h("button", { class: "primary", type: "submit" }, t("save")))));
}

// ── rules ─────────────────────────────────────────────────────────────────────────────────────────

async function showRules() {
  const found = await manage.rules();
  fill(main, h("div", { class: "manage-head" }, h("h1", {}, t("tab_rules")), h("button", { class: "primary", type: "button", onclick: () => openRule({}) }, icon("add"), t("new_rule"))),
    card(t("tab_rules"), found.length ? table([t("kind"), t("query"), t("target"), t("until"), t("note"), t("who"), ""], found.map((one) => [t(`rule_${one.kind}`), one.query || t("all"), one.target, h("span", {}, one.until ? date(one.until) : "–", !one.holds && h("span", { class: "flag" }, t("ended"))), one.note, one.created_by, h("button", { class: "quiet small", type: "button", onclick: () => manage.removeRule(one.rule_id).then(showRules, failed) }, t("delete"))])) : h("p", { class: "note" }, t("nothing_yet"))));
}

function openRule({ kind = "pin", query = "" }) {
  const field = (name, label, attributes) => h("label", { class: "field" }, h("span", {}, label), h("input", { type: "text", name, ...attributes }));
  sheet(t("new_rule"), h("form", { class: "use-form", onsubmit: async (event) => {
    event.preventDefault();
    const data = new FormData(event.target);
    const chosen = data.get("kind");
    const until = data.get("until") ? new Date(`${data.get("until")}T23:59:59`).toISOString() : null;
    const made = await manage.addRule({ kind: chosen, query: data.get("query").trim(), target: data.get("target").trim(), until, note: data.get("note").trim(), amount: ["boost", "bury"].includes(chosen) ? Number(data.get("amount")) : 0 }).catch(failed);
    if (!made) return;
    $("#sheet").close();
    toast(t("saved"));
    if (location.hash === "#rules") await showRules();
  } },
    h("label", { class: "field" }, h("span", {}, t("kind")), h("select", { name: "kind" }, ["pin", "boost", "bury", "synonym"].map((value) => h("option", { value, selected: value === kind || null }, t(`rule_${value}`))))),
    field("query", t("query"), { value: query, maxlength: 512 }), field("target", t("rule_target"), { required: true, maxlength: 512 }), field("amount", t("rule_amount"), { type: "number", min: 0.01, max: 1, step: 0.01, value: 0.2 }), field("until", t("until"), { type: "date" }), field("note", t("note"), { maxlength: 1000 }),
    h("footer", {}, h("button", { class: "primary", type: "submit" }, t("save")))));
}

// ── downloads, audit ──────────────────────────────────────────────────────────────────────────────

async function showDownloads() {
  const { results, has_more: more } = await manage.downloads();
  fill(main, h("div", { class: "manage-head" }, h("h1", {}, t("tab_downloads")), h("a", { class: "button", href: "/api/v1/downloads.csv", download: "" }, icon("download"), "CSV")),
    card(t("tab_downloads"), results.length ? table([t("when"), t("who"), t("image_id"), t("supplier"), t("purpose"), t("project"), t("size")], results.map((one) => [moment(one.at), one.who, h("a", { href: `/?view=${encodeURIComponent(one.image_id)}&lang=${boot.lang}` }, one.image_id), boot.suppliers[one.supplier]?.title ?? one.supplier, [t(`purpose_${one.grant.purpose}`), one.grant.medium && t(`medium_${one.grant.medium}`)].filter(Boolean).join(" · "), one.grant.project, `${one.size} · ${one.format}`])) : h("p", { class: "note" }, t("nothing_yet")), more && h("p", { class: "note" }, t("more_in_csv"))));
}

async function showAudit() {
  const { results } = await manage.audit();
  fill(main, h("div", { class: "manage-head" }, h("h1", {}, t("tab_audit"))),
    card(t("tab_audit"), results.length ? table(["#", t("when"), t("who"), t("action"), t("subject"), t("what_changed")], results.map((one) => [one.number, moment(one.at), one.who, one.action, one.subject, h("code", {}, changeOf(one))])) : h("p", { class: "note" }, t("nothing_yet"))));
}

/** What differs between before and after, short. */
function changeOf({ before, after }) {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
  return names.map((name) => `${name}: ${[before[name], after[name]].filter((value) => value !== undefined).map((value) => JSON.stringify(value)).join(" → ")}`).join("; ").slice(0, 240);
}

const moment = (iso) => new Intl.DateTimeFormat(boot.lang === "zh" ? "zh-CN" : "en", { dateStyle: "medium", timeStyle: "short" }).format(new Date(iso));

// ── accounts ──────────────────────────────────────────────────────────────────────────────────────

const ROLES = ["searcher", "contributor", "reviewer", "manager", "admin"];

async function showAccounts() {
  const [users, keys] = await Promise.all([manage.users(), manage.keys()]);
  const roleOf = (one) => h("select", { "aria-label": `${t("role")}: ${one.name}`, onchange: ({ target }) => manage.changeUser(one.name, { role: target.value }).then(showAccounts, (error) => { failed(error); showAccounts(); }) }, ROLES.map((role) => h("option", { value: role, selected: role === one.role || null }, t(`role_${role}`))));
  fill(main, h("div", { class: "manage-head" }, h("h1", {}, t("tab_accounts")), h("button", { class: "primary", type: "button", onclick: openUser }, icon("add"), t("new_account"))),
    !boot.accounts && h("p", { class: "notice" }, t("no_accounts_yet")),
    card(t("people"), users.length ? table([t("account_name"), t("name"), t("role"), ""], users.map((one) => [one.name, one.title, roleOf(one), h("button", { class: "quiet small", type: "button", onclick: () => manage.changeUser(one.name, { disabled: !one.disabled }).then(showAccounts, failed) }, t(one.disabled ? "let_in" : "shut_out"))])) : h("p", { class: "note" }, t("nothing_yet"))),
    card(t("keys"), keys.length ? table(["id", t("who"), t("note"), t("may"), t("until"), ""], keys.map((one) => [one.id, one.owner, one.note, one.permissions.join(", "), date(one.expires), h("button", { class: "quiet small", type: "button", onclick: () => manage.endKey(one.id).then(showAccounts, failed) }, t("end_link"))])) : h("p", { class: "note" }, t("nothing_yet"))));
}

function openUser() {
  const field = (name, label, attributes) => h("label", { class: "field" }, h("span", {}, label), h("input", { type: "text", name, required: true, ...attributes }));
  sheet(t("new_account"), h("form", { class: "use-form", onsubmit: async (event) => {
    event.preventDefault();
    const made = await manage.addUser(Object.fromEntries(new FormData(event.target))).catch((error) => toast(error.message));
    if (!made) return;
    $("#sheet").close();
    if (!boot.accounts) return location.assign("/sign-in?next=/manage%23accounts");
    await showAccounts();
  } }, field("name", t("account_name"), { maxlength: 64, autocapitalize: "off", autocomplete: "off" }), field("title", t("name"), { maxlength: 100, required: false }), field("password", t("password"), { type: "password", minlength: 10, maxlength: 200, autocomplete: "new-password" }),
    h("label", { class: "field" }, h("span", {}, t("role")), h("select", { name: "role" }, ROLES.map((role) => h("option", { value: role, selected: role === (boot.accounts ? "searcher" : "admin") || null }, t(`role_${role}`))))),
    h("footer", {}, h("button", { class: "primary", type: "submit" }, t("create")))));
}

function sheet(title, ...content) {
  const dialog = $("#sheet");
  fill(dialog, h("div", { class: "sheet wide" }, h("header", {}, h("h2", { id: "sheet-title" }, title), closeButton(dialog)), content));
  if (!dialog.open) dialog.showModal();
}
