"""A comparison as one HTML file with everything inside: means, differences, and answers side by side."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

import numpy as np

from tusou.evaluation.comparison import Comparison, Mean
from tusou.evaluation.judged_run import Run
from tusou.evaluation.qrels import Qrels

SHOWN_QUERIES = 12
"""Queries shown on each side, those that changed most."""

SHOWN_IMAGES = 8
"""First images of each answer."""

Thumbnail = Callable[[str], bytes | None]
"""Document to its JPEG thumbnail, None when there is none."""

PAGE = Path(__file__).with_name("report.html")
CONVENTION = (
    (
        "Exponential gain (2^grade - 1); the ideal comes from the judgments; what nobody judged counts as "
        "not relevant; queries without a relevant image are left out."
    ),
    "增益为 2^等级 − 1；理想排序取自全部判定；未判定的图片按不相关计；没有相关图片的查询不计入。",
)


@dataclass(frozen=True, slots=True)
class Material:
    """What a report shows beside the figures.

    Attributes:
        words: Query to its words as typed; the query_id stands in for missing ones.
        qrels: Judgments.
        runs: System to its answers.
        thumbnail: Where pictures come from.
    """

    words: Mapping[str, str]
    qrels: Qrels
    runs: Mapping[str, Run]
    thumbnail: Thumbnail


def write_report(comparison: Comparison, material: Material, title: str) -> str:
    """The report as HTML in English and Chinese; needs no other file and runs no script.

    Args:
        comparison: What was found; the per-query part follows its first measure.
        material: What to show with it.
        title: Heading.
    """
    queries = len(comparison.query_ids)
    head = (
        f"<h1>{escape(title)}</h1>"
        f"<p>{queries} queries, {len(comparison.left_out)} left out. {CONVENTION[0]}</p>"
        f"<p lang='zh'>{queries} 个查询，{len(comparison.left_out)} 个不计入。{CONVENTION[1]}</p>"
    )
    parts = [head, _means(comparison)]
    if comparison.differences:
        parts += [_differences(comparison), _per_query(comparison)]
        parts += _changes(comparison, material)
    else:
        parts.append(_worst(comparison, material))
    page = Template(PAGE.read_text("utf-8"))
    return page.substitute(title=escape(title), body="\n".join(parts))


def _means(comparison: Comparison) -> str:
    rows = []
    for system, means in comparison.means.items():
        cells = "".join(f"<td>{_bar(mean)}</td>" for mean in means)
        rows.append(f"<tr><th>{escape(system)}</th>{cells}</tr>")
    names = "".join(f"<th>{escape(str(measure))}</th>" for measure in comparison.measures)
    return (
        f"{_heading('Means with 95 % intervals', '平均值与 95% 区间')}"
        f"<table><tr><th></th>{names}</tr>{''.join(rows)}</table>"
    )


def _bar(mean: Mean) -> str:
    """The figure, and its place between 0 and 1 with its interval."""
    low, high, value = (round(120 * x, 1) for x in (mean.low, mean.high, mean.value))
    return (
        f"<b>{mean.value:.3f}</b> <small>{mean.low:.3f} – {mean.high:.3f}</small>"
        "<svg viewBox='0 0 120 8' width='120' height='8' role='presentation'>"
        "<rect width='120' height='8' class='empty'/>"
        f"<rect width='{value}' height='8' class='full'/>"
        f"<line x1='{low}' x2='{high}' y1='4' y2='4' class='range'/></svg>"
    )


def _differences(comparison: Comparison) -> str:
    rows = "".join(
        f"<tr><th>{escape(each.system)}</th><td>{escape(each.measure)}</td>"
        f"<td class='{_sign(each.mean.value)}'>{each.mean.value:+.3f}</td>"
        f"<td>{each.mean.low:+.3f} … {each.mean.high:+.3f}</td><td>{each.probability:.4f}</td>"
        f"<td>{each.wins} / {each.losses} / {each.ties}</td></tr>"
        for each in comparison.differences
    )
    names = ("", "measure", "difference", "95 % interval", "p (Holm)", "wins / losses / ties")
    headings = "".join(f"<th>{name}</th>" for name in names)
    return (
        f"{_heading(f'Against {comparison.baseline}', f'与 {comparison.baseline} 相比')}"
        f"<table><tr>{headings}</tr>{rows}</table>"
    )


def _per_query(comparison: Comparison) -> str:
    """Every query's difference, sorted, as bars above and below a line."""
    plots = []
    for system in list(comparison.runs)[1:]:
        gains = np.sort(_gains(comparison, system))[::-1]
        width = max(3.0, 720 / len(gains))
        bars = "".join(
            f"<rect x='{i * width:.1f}' width='{width - 1:.1f}' y='{50 - 48 * max(gain, 0):.1f}' "
            f"height='{48 * abs(gain):.1f}' class='{_sign(gain)}'/>"
            for i, gain in enumerate(gains.tolist())
        )
        plots.append(
            f"<figure><svg viewBox='0 0 {width * len(gains):.0f} 100' width='720' height='100'>{bars}"
            f"<line x1='0' x2='{width * len(gains):.0f}' y1='50' y2='50' class='axis'/></svg>"
            f"<figcaption>{escape(system)}: {escape(str(comparison.measures[0]))}</figcaption></figure>"
        )
    return _heading("Query by query", "逐个查询") + "".join(plots)


def _changes(comparison: Comparison, material: Material) -> list[str]:
    """Answers side by side where a system wins or loses most."""
    parts = []
    for system in list(comparison.runs)[1:]:
        gains = _gains(comparison, system)
        order = np.argsort(gains, kind="stable")
        won = [int(i) for i in order[::-1][:SHOWN_QUERIES] if gains[i] > 0]
        lost = [int(i) for i in order[:SHOWN_QUERIES] if gains[i] < 0]
        for chosen, english, chinese in ((won, "wins", "胜出"), (lost, "losses", "落败")):
            if chosen:
                parts.append(_heading(f"{escape(system)}: {english}", f"{escape(system)}：{chinese}"))
                systems = (comparison.baseline, system)
                parts += [_query(comparison, material, i, systems) for i in chosen]
    return parts


def _worst(comparison: Comparison, material: Material) -> str:
    """The queries a single system answers worst."""
    values = comparison.values(comparison.baseline, 0)
    chosen = np.argsort(values, kind="stable")[:SHOWN_QUERIES]
    answers = [_query(comparison, material, int(i), (comparison.baseline,)) for i in chosen]
    return _heading("Answered worst", "回答最差的查询") + "".join(answers)


def _query(comparison: Comparison, material: Material, i: int, systems: Sequence[str]) -> str:
    query_id = comparison.query_ids[i]
    judged = material.qrels.get(query_id, {})
    rows = []
    for system in systems:
        found = list(material.runs[system].get(query_id, ()))[:SHOWN_IMAGES]
        images = "".join(_tile(doc_id, judged.get(doc_id), material.thumbnail) for doc_id in found)
        value = comparison.values(system, 0)[i]
        rows.append(
            f"<div class='answer'><span>{escape(system)}<br><b>{value:.3f}</b></span>{images or '∅'}</div>"
        )
    words = escape(material.words.get(query_id, query_id))
    return f"<section><h3>{words} <small>{escape(query_id)}</small></h3>{''.join(rows)}</section>"


def _tile(doc_id: str, grade: int | None, thumbnail: Thumbnail) -> str:
    """One image with its grade: ? when nobody judged it."""
    data, name = thumbnail(doc_id), escape(doc_id, quote=True)
    mark = "?" if grade is None else str(grade)
    picture = (
        f"<img alt='{name}' src='data:image/jpeg;base64,{base64.b64encode(data).decode()}'>"
        if data
        else f"<em>{name}</em>"
    )
    return f"<figure class='tile' title='{name}'>{picture}<i class='g{mark}'>{mark}</i></figure>"


def _gains(comparison: Comparison, system: str) -> np.ndarray:
    return comparison.values(system, 0) - comparison.values(comparison.baseline, 0)


def _sign(value: float) -> str:
    return "more" if value > 0 else "less" if value < 0 else "same"


def _heading(english: str, chinese: str) -> str:
    return f"<h2>{english} <small lang='zh'>{chinese}</small></h2>"
