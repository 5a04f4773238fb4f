// The address bar is the state: read a search from it, write a search into it.

export const LISTS = ["supplier", "exclude_supplier", "license", "license_type", "orientation", "color", "format"];
const SINGLES = ["q", "image_id", "image_url", "region", "mode", "image_weight", "sort", "usage", "medium", "megapixels", "color_tolerance"];
const DEFAULTS = { mode: "similar", sort: "relevance", image_weight: "0.5", color_tolerance: "25" };

/** A search as plain data: singles are strings, lists are arrays; `picture` is added for dropped files. */
export function read(query = location.search) {
  const parameters = new URLSearchParams(query);
  const search = { picture: null };
  for (const name of SINGLES) search[name] = parameters.get(name) ?? DEFAULTS[name] ?? "";
  for (const name of LISTS) search[name] = parameters.getAll(name).filter(Boolean);
  search.view = parameters.get("view") ?? "";
  search.page = Math.min(10, Math.max(1, Number.parseInt(parameters.get("page") ?? "1", 10) || 1));
  search.lang = parameters.get("lang") ?? "";
  return search;
}

/** Parameters for the API: everything but what only the page needs. */
export function parameters(search) {
  const pairs = new URLSearchParams();
  for (const name of SINGLES)
    if (search[name] && search[name] !== DEFAULTS[name]) pairs.append(name, search[name]);
  for (const name of LISTS) for (const value of search[name]) pairs.append(name, value);
  return pairs;
}

/** The address of a search, as a path. */
export function write(search) {
  const pairs = parameters(search);
  if (search.page > 1) pairs.append("page", search.page);
  if (search.view) pairs.append("view", search.view);
  if (search.lang) pairs.append("lang", search.lang);
  const query = pairs.toString();
  return query ? `/?${query}` : "/";
}

export const hasPicture = (search) => Boolean(search.picture || search.image_id || search.image_url);

export const filterCount = (search) =>
  LISTS.reduce((sum, name) => sum + search[name].length, 0) + (search.megapixels ? 1 : 0) + (search.usage ? 1 : 0);

export const isEmpty = (search) => !search.q.trim() && !hasPicture(search) && !filterCount(search) && search.sort === DEFAULTS.sort;

/** A search without its filters. */
export function withoutFilters(search) {
  const bare = { ...search, usage: "", medium: "", megapixels: "", color_tolerance: DEFAULTS.color_tolerance, page: 1, view: "" };
  for (const name of LISTS) bare[name] = [];
  return bare;
}

/** What makes two searches the same answer. */
export const key = (search) => `${parameters(search)}|${search.picture?.key ?? ""}|${search.lang}`;
