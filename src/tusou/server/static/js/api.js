// Talk to the HTTP API. Every failure becomes a Problem with words to show.

import { boot, t } from "./boot.js";
import { APPLICATION } from "./events.js";
import { hasPicture, parameters } from "./address.js";

export const PER_PAGE = 40;

export class Problem extends Error {
  constructor(detail, code, status = 0, requestId = "") {
    super(detail);
    this.status = status;
    this.code = code;
    this.requestId = requestId;
  }
}

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { headers: { accept: "application/json", "x-application": APPLICATION }, ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(t("offline"), "offline");
  }
  if (answer.status === 204) return null;
  if (answer.status === 401) location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`); // the session ended
  const body = await answer.json().catch(() => null);
  if (answer.ok && body) return body;
  throw new Problem(body?.detail ?? `HTTP ${answer.status}`, body?.code ?? "http_error", answer.status, body?.request_id);
}

const json = (method, value) => ({ method, body: JSON.stringify(value), headers: { accept: "application/json", "content-type": "application/json", "x-application": APPLICATION } });
const at = (id, rest = "") => `/api/v1/collections/${encodeURIComponent(id)}${rest}`;

export const listCollections = async () => (await ask("/api/v1/collections")).results;
export const getCollection = (id) => ask(`${at(id)}?lang=${boot.lang}`);
export const createCollection = (name) => ask("/api/v1/collections", json("POST", { name }));
export const renameCollection = (id, change) => ask(at(id), json("PATCH", change));
export const deleteCollection = (id) => ask(at(id), { method: "DELETE" });
export const addToCollection = (id, ids) => ask(at(id, "/items"), json("POST", { image_ids: ids }));
export const takeFromCollection = (id, ids) => ask(at(id, "/items/take-out"), json("POST", { image_ids: ids }));
export const orderCollection = (id, ids, before) => ask(at(id, "/order"), json("POST", { image_ids: ids, before }));
export const listComments = async (id) => (await ask(at(id, "/comments"))).results;
export const comment = (id, words) => ask(at(id, "/comments"), json("POST", { words }));
export const deleteComment = (id, one) => ask(at(id, `/comments/${encodeURIComponent(one)}`), { method: "DELETE" });
export const listShares = async (id) => (await ask(at(id, "/shares"))).results;
export const share = (id, days) => ask(at(id, "/shares"), json("POST", { days }));
export const unshare = (id, one) => ask(at(id, `/shares/${encodeURIComponent(one)}`), { method: "DELETE" });
export const listSaved = async () => (await ask(`/api/v1/saved-searches?lang=${boot.lang}`)).results;
export const saveSearch = (name, address) => ask("/api/v1/saved-searches", json("POST", { name, address }));
export const seeSaved = (id) => ask(`/api/v1/saved-searches/${encodeURIComponent(id)}/seen`, { method: "POST" });
export const deleteSaved = (id) => ask(`/api/v1/saved-searches/${encodeURIComponent(id)}`, { method: "DELETE" });
/** Where an image was used; nothing for those who may not know. */
export const usesOf = (id, signal) => ask(`/api/v1/images/${encodeURIComponent(id)}/uses`, { signal });

/** Some images of one creator, or of one supplier. */
export async function moreOf(field, value, signal) {
  const q = field === "creator" ? `"${value.replaceAll('"', " ")}"` : "";
  const pairs = new URLSearchParams({ lang: boot.lang, per_page: 13, q, ...(field === "supplier" ? { supplier: value } : {}) });
  const { results } = await ask(`/api/v1/search/images?${pairs}`, { signal });
  return field === "creator" ? results.filter((item) => item.creator === value) : results;
}

export const licenseImage = (body) => ask(`/api/v1/licenses?lang=${boot.lang}`, json("POST", body));

const results = async (path) => (await ask(path)).results;
const named = (path, id) => `${path}/${encodeURIComponent(id)}`;

/** What the page for managers asks. */
export const manage = {
  dashboard: (days) => ask(`/api/v1/dashboard?days=${days}&lang=${boot.lang}`),
  health: () => results("/api/v1/suppliers/health"),
  agreements: () => results("/api/v1/agreements"),
  addAgreement: (terms) => ask("/api/v1/agreements", json("POST", terms)),
  amendAgreement: (id, terms) => ask(named("/api/v1/agreements", id), json("PUT", terms)),
  deleteAgreement: (id) => ask(named("/api/v1/agreements", id), { method: "DELETE" }),
  rules: () => results("/api/v1/rules"),
  addRule: (rule) => ask("/api/v1/rules", json("POST", rule)),
  removeRule: (id) => ask(named("/api/v1/rules", id), { method: "DELETE" }),
  downloads: () => ask("/api/v1/downloads?per_page=100"),
  audit: () => ask("/api/v1/audit?per_page=100"),
  users: () => results("/api/v1/users"),
  addUser: (user) => ask("/api/v1/users", json("POST", user)),
  changeUser: (name, change) => ask(named("/api/v1/users", name), json("PATCH", change)),
  keys: () => results("/api/v1/keys"),
  endKey: (id) => ask(named("/api/v1/keys", id), { method: "DELETE" }),
};

/** What the page for sending in asks. */
export const submissions = {
  list: () => results("/api/v1/submissions"),
  send: (file, supplier) => {
    const form = new FormData();
    form.append("supplier", supplier);
    form.append("file", file, file.name);
    return ask("/api/v1/submissions", { method: "POST", body: form });
  },
  describe: (id, revision, fields) => ask(named("/api/v1/submissions", id), json("PUT", { revision, fields })),
  decide: (id, revision, status, reason = "") => ask(`${named("/api/v1/submissions", id)}/decision`, json("POST", { revision, status, reason })),
};

/** May this image be used so? */
export function checkUse(id, { purpose, medium, modify }) {
  const pairs = new URLSearchParams({ purpose, modify });
  if (medium) pairs.append("medium", medium);
  return ask(`/api/v1/images/${encodeURIComponent(id)}/use?${pairs}`);
}

/** A collection as a zip file. */
export async function exportCollection(id, use) {
  const answer = await fetch(`${at(id, "/export")}?lang=${boot.lang}`, json("POST", use)).catch(() => { throw new Problem(t("offline"), "offline"); });
  if (answer.ok) return answer.blob();
  const body = await answer.json().catch(() => null);
  throw new Problem(body?.detail ?? `HTTP ${answer.status}`, body?.code ?? "http_error", answer.status, body?.request_id);
}

/** One page of a search's answer; facets come with the first. */
export async function findImages(search, page, signal) {
  const pairs = parameters(search);
  pairs.append("lang", boot.lang);
  pairs.append("page", page);
  pairs.append("per_page", PER_PAGE);
  pairs.append("explain", "true");
  pairs.append("facets", String(page === 1));
  if (!hasPicture(search)) {
    for (const name of ["mode", "image_weight", "region"]) pairs.delete(name);
    return withQuery(await ask(`/api/v1/search/images?${pairs}`, { signal }));
  }
  const form = new FormData();
  for (const [name, value] of pairs) form.append(name, value);
  if (search.picture) form.append("file", search.picture.blob, "picture");
  return withQuery(await ask("/api/v1/search/images/by-image", { method: "POST", body: form, signal }));
}

/** Give every result its answer's query_id: what is done with it is reported under that. */
export function withQuery(answer) {
  for (const item of answer.results) item.query_id = answer.query_id;
  return answer;
}

/** Phrases that continue what was typed; without words, popular searches. */
export const suggestions = async (words, signal) =>
  (await ask(`/api/v1/search/suggestions?lang=${boot.lang}&q=${encodeURIComponent(words)}`, { signal })).results;

/** What was probably meant, and related searches. */
export const relatedTo = (words, signal) => ask(`/api/v1/search/related?lang=${boot.lang}&q=${encodeURIComponent(words)}`, { signal });

export const getImage = (id) => ask(`/api/v1/images/${encodeURIComponent(id)}?lang=${boot.lang}`);

export const similarTo = async (id, count, signal) =>
  withQuery(await ask(`/api/v1/images/${encodeURIComponent(id)}/similar?lang=${boot.lang}&per_page=${count}`, { signal }));
