// What the server put into the page: strings of the page's language, tables, perhaps a first answer.

export const boot = JSON.parse(document.getElementById("boot").textContent);

const locale = boot.lang === "zh" ? "zh-CN" : "en";
const numbers = new Intl.NumberFormat(locale);

/** A string of the page's language, `{name}` replaced. */
export function t(key, values = {}) {
  const text = boot.strings[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

export const number = (value, digits, least = 0) =>
  digits === undefined ? numbers.format(value) : new Intl.NumberFormat(locale, { maximumFractionDigits: digits, minimumFractionDigits: least }).format(value);

export const date = (iso) => new Intl.DateTimeFormat(locale, { dateStyle: "medium" }).format(new Date(iso));

export function bytes(count) {
  const step = count >= 1e6 ? [1e6, "MB"] : [1e3, "kB"];
  return `${number(count / step[0], 1)} ${step[1]}`;
}

export const supplierTitle = (name) => boot.suppliers[name]?.title || name;

/** Licence of the table by code, or null when the code is a supplier's own. */
export const licenseOf = (code) => boot.licenses[code] ?? null;

/** A licence in the few letters that fit a card. */
export function licenseLabel(code) {
  if (!code) return t("license_unknown");
  return licenseOf(code)?.label ?? code.replace(/^LicenseRef-/, "").replaceAll("-", " ");
}

/** How freely an image may be used: free, terms (named conditions), limited, unknown. */
export function freedom(code) {
  const license = licenseOf(code);
  if (!license) return "unknown";
  if (!license.commercial || !license.modification) return "limited";
  return license.attribution || license.share_alike ? "terms" : "free";
}
