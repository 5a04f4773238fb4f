"""Speed and recall of the index at scale: `tusou bench search` (issue targets at 1,000,000 rows)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tusou.bench.machine import Timings, machine, peak_resident_mb, resident_mb, streaming_gb_per_s
from tusou.bench.synthetic import HUNDREDTH, TENTH, SyntheticLibrary
from tusou.index.base import TextQuery
from tusou.index.codebook import code_size
from tusou.index.embedded import TEXT_FOLDER, EmbeddedIndex
from tusou.index.text_index import TextIndex
from tusou.index.token_rows import weighted_terms
from tusou.index.vector_codes import candidate_count
from tusou.types import Embeddings, Filters, Mask, Rows

DEPTH = 1000
CUTOFFS = (10, 100, 1000)
CHUNK = 20_000
"""Rows made and committed at a time."""

FILTERS = {"none": Filters(), "10%": Filters(supplier=(TENTH,)), "1%": Filters(supplier=(HUNDREDTH,))}
FEATURES = ("megapixels", "authority")
MODEL_ID = "synthetic"
Query = tuple[TextQuery, Embeddings]
Progress = Callable[[float], None]


class FileRows:
    """Embeddings in one float16 file, as index.base.VectorRows wants them.

    Args:
        path: The file, complete.
        dim: Length of an embedding.
    """

    def __init__(self, path: Path, dim: int) -> None:
        self.dim = dim
        self._mapped = np.asarray(np.memmap(path, np.float16, "r")).reshape(-1, dim)

    def __len__(self) -> int:
        return len(self._mapped)

    def take(self, rows: Rows) -> npt.NDArray[np.float16]:
        """Embeddings of the rows."""
        taken: npt.NDArray[np.float16] = np.take(self._mapped, rows, axis=0)
        return taken

    def slice(self, start: int, stop: int) -> npt.NDArray[np.float16]:
        """Embeddings of consecutive rows."""
        return self._mapped[start:stop]


def build(folder: Path, library: SyntheticLibrary, progress: Progress = lambda _: None) -> dict[str, float]:
    """Make the synthetic library's embeddings and index under a folder, unless they are there.

    Returns:
        Seconds the index alone took, wall and processor; empty when it was there already.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "rows.f16"
    with path.open("ab") as stream:
        for start in range(stream.tell() // (2 * library.dim), library.rows, CHUNK):
            count = min(CHUNK, library.rows - start)
            library.embeddings(count, start).astype(np.float16).tofile(stream)
    index = EmbeddedIndex.open(folder / "index", FileRows(path, library.dim), MODEL_ID, writer=True)
    wall = cpu = 0.0
    for start in range(index.watermark, library.rows, CHUNK):
        stop = min(start + CHUNK, library.rows)
        documents = list(library.documents(start, stop))
        before = time.perf_counter(), time.process_time()
        index.upsert(documents)
        index.commit(stop)
        wall, cpu = wall + time.perf_counter() - before[0], cpu + time.process_time() - before[1]
        progress(stop / library.rows)
    index.close()
    return {"wall_s": round(wall, 1), "cpu_s": round(cpu, 1)} if wall else {}


def measure(folder: Path, library: SyntheticLibrary, queries: int) -> dict[str, Any]:
    """Run the queries under every filter; the report as JSON values."""
    start = time.perf_counter()
    vectors = FileRows(folder / "rows.f16", library.dim)
    index = EmbeddedIndex.open(folder / "index", vectors, MODEL_ID)
    asked = library.queries(queries)
    recall_stage(index, *asked[0], FILTERS["none"], Timings())
    open_s = time.perf_counter() - start
    exact = exact_scores(vectors, np.stack([embedding for _, embedding in asked]))
    report: dict[str, Any] = {
        "rows": library.rows,
        "dim": library.dim,
        "depth": DEPTH,
        "queries": queries,
        "open_to_first_answer_s": round(open_s, 2),
    }
    report["filters"] = {name: _under_filter(index, asked, exact, name) for name in FILTERS}
    report["resident_mb"] = round(resident_mb())
    report["floors"] = floors(folder / "index", library, asked, report)
    index.close()
    return report


def recall_stage(
    index: EmbeddedIndex, query: TextQuery, embedding: Embeddings, filters: Filters, timings: Timings
) -> Rows:
    """Both recalls and the features of their union, timed stage by stage; the dense rows."""
    with timings.measure("recall"):
        with timings.measure("mask"):
            mask = index.mask(filters)
        with timings.measure("lexical"):
            lexical = index.search_text(query, DEPTH, mask)
        with timings.measure("dense"):
            dense = index.search_vectors(embedding, DEPTH, mask)
    rows = np.union1d(lexical.rows, dense.rows)
    with timings.measure("field_scores"):
        index.field_scores(query, rows)
    with timings.measure("cosines"):
        index.cosines(embedding, rows)
    with timings.measure("features"):
        index.features(rows, FEATURES)
    return dense.rows


def exact_scores(vectors: FileRows, queries: Embeddings) -> npt.NDArray[np.float32]:
    """Cosines of every row with every query, (queries, rows)."""
    scores = np.empty((len(queries), len(vectors)), np.float32)
    for start in range(0, len(vectors), CHUNK):
        block = vectors.slice(start, start + CHUNK).astype(np.float32)
        scores[:, start : start + CHUNK] = queries @ block.T
    return scores


def ann_recall(scores: npt.NDArray[np.float32], mask: Mask | None, found: Rows) -> Iterator[float]:
    """Share of the exact top k, for each of CUTOFFS, that the best k found rows are; ties count as found."""
    allowed = scores if mask is None else np.where(mask, scores, -np.inf)
    for k in CUTOFFS:
        k = min(k, int(np.count_nonzero(np.isfinite(allowed))))
        threshold = np.partition(allowed, len(allowed) - k)[len(allowed) - k]
        yield np.count_nonzero(allowed[found[:k]] >= threshold - 1e-6) / k


def _under_filter(
    index: EmbeddedIndex,
    asked: list[Query],
    exact: npt.NDArray[np.float32],
    name: str,
) -> dict[str, Any]:
    timings, mask = Timings(), index.mask(FILTERS[name])
    recalls = []
    for place, (query, embedding) in enumerate(asked):
        found = recall_stage(index, query, embedding, FILTERS[name], timings)
        recalls.append(list(ann_recall(exact[place], mask, found)))
    means = np.mean(recalls, axis=0)
    return {
        "stages_ms": timings.summary(),
        "ann_recall": {f"@{k}": round(float(mean), 4) for k, mean in zip(CUTOFFS, means, strict=True)},
    }


def floors(
    path: Path, library: SyntheticLibrary, asked: list[Query], report: dict[str, Any]
) -> dict[str, float]:
    """The least both recalls can take, and how many times as long they took (processor time, no filter).

    Dense: reading the codes and the candidates' rows once at the speed of memory. Lexical: the inverted index
    alone, asked for as many hits.
    """
    bandwidth, timings = streaming_gb_per_s(), Timings()
    candidates = candidate_count(DEPTH, library.rows)
    scanned = library.rows * code_size(library.dim) + candidates * 2 * library.dim
    text = TextIndex(path / TEXT_FOLDER, 1, library.rows, writer=False).reader()
    for query, _ in asked:
        terms = weighted_terms(query.should)
        with timings.measure("lexical"):
            text.search(terms, query, DEPTH)
    least = {"dense": scanned / bandwidth / 1e6, "lexical": timings.summary()["lexical"]["cpu_p50"]}
    taken = report["filters"]["none"]["stages_ms"]
    figures = {"streaming_gb_per_s": round(bandwidth, 1)}
    for stage, milliseconds in least.items():
        figures[f"{stage}_floor_ms"] = round(milliseconds, 2)
        figures[f"{stage}_ratio"] = round(taken[stage]["cpu_p50"] / milliseconds, 2)
    return figures


def run(rows: int, dim: int, queries: int, folder: Path, progress: Progress) -> dict[str, Any]:
    """The whole scenario."""
    library = SyntheticLibrary(rows, dim)
    place = folder / f"{rows}x{dim}"
    built = build(place, library, progress)
    report = {"scenario": "search", "machine": machine(), "build": built, **measure(place, library, queries)}
    return report | {"peak_resident_mb": round(peak_resident_mb())}
