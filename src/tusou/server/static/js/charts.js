// Small charts as SVG, with a table of the same figures for those who do not see them.

import { h } from "./dom.js";
import { number, t } from "./boot.js";

const SVG = "http://www.w3.org/2000/svg";

function s(tag, attributes, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

const WIDTH = 720, HEIGHT = 200, LEFT = 40, BOTTOM = 24, TOP = 12;

/** Round upwards to 1, 2 or 5 times a power of ten. */
function nice(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value);
}

function frame(most, label) {
  const svg = s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label, class: "chart" });
  const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / most);
  for (const value of [0, most / 2, most]) {
    svg.append(s("line", { x1: LEFT, x2: WIDTH, y1: y(value), y2: y(value), class: "rule" }), s("text", { x: LEFT - 6, y: y(value) + 4, class: "tick end" }, document.createTextNode(number(value, most < 1 ? 2 : most < 5 ? 1 : 0))));
  }
  return { svg, y };
}

/** Bars, one stack per entry. `series`: [{name, label, values}], drawn from the bottom. */
export function bars(labels, series, title) {
  const most = nice(Math.max(1, ...labels.map((_, at) => series.reduce((sum, { values }) => sum + values[at], 0))));
  const { svg, y } = frame(most, title);
  const step = (WIDTH - LEFT) / Math.max(labels.length, 1);
  labels.forEach((label, at) => {
    let base = 0;
    for (const { name, label: what, values } of series) {
      if (values[at]) {
        const bar = s("rect", { x: LEFT + at * step + step * 0.12, width: Math.min(step * 0.76, 46), y: y(base + values[at]), height: y(base) - y(base + values[at]), rx: 2, class: `bar-${name}` });
        bar.append(s("title", {}, document.createTextNode(`${label}: ${what} ${number(values[at])}`)));
        svg.append(bar);
      }
      base += values[at];
    }
    if (at % Math.ceil(labels.length / 8) === 0) svg.append(s("text", { x: LEFT + at * step + step * 0.12, y: HEIGHT - 6, class: "tick" }, document.createTextNode(label)));
  });
  return figure(svg, title, series, [t("day"), ...series.map(({ label }) => label)], labels.map((label, at) => [label, ...series.map(({ values }) => number(values[at]))]));
}

/** A line over numbered places. */
export function line(points, title, heading) {
  const most = nice(100 * Math.max(0.01, ...points.map(([, value]) => value))) / 100;
  const { svg, y } = frame(most, title);
  const x = (at) => LEFT + 8 + ((WIDTH - LEFT - 16) * at) / Math.max(points.length - 1, 1);
  svg.append(s("polyline", { class: "line", points: points.map(([, value], at) => `${x(at)},${y(value)}`).join(" ") }));
  points.forEach(([label, value], at) => {
    const dot = s("circle", { cx: x(at), cy: y(value), r: 3, class: "dot-mark" });
    dot.append(s("title", {}, document.createTextNode(`${label}: ${number(value, 3)}`)));
    svg.append(dot);
    if (at % Math.ceil(points.length / 10) === 0) svg.append(s("text", { x: x(at) - 3, y: HEIGHT - 6, class: "tick" }, document.createTextNode(label)));
  });
  return figure(svg, title, [], heading, points.map(([label, value]) => [label, number(value, 3)]));
}

function figure(svg, title, series, heading, rows) {
  return h("figure", {}, h("figcaption", {}, title, series.map(({ name, label }) => h("span", { class: `key key-${name}` }, label))), svg,
    h("details", {}, h("summary", {}, t("as_table")), table(heading, rows)));
}

/** A table; numbers to the right. */
export function table(heading, rows) {
  const cell = (value) => h("td", { class: typeof value === "number" || /^[\d.,\s%]+$/.test(value) ? "number" : null }, typeof value === "number" ? number(value) : value);
  return h("div", { class: "table" }, h("table", {}, h("thead", {}, h("tr", {}, heading.map((name) => h("th", { scope: "col" }, name)))), h("tbody", {}, rows.map((row) => h("tr", {}, row.map(cell))))));
}
