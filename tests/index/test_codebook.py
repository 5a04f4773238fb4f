"""The product quantiser: sizes, keeping and loading, and how near codes come to what they stand for."""

from __future__ import annotations

import numpy as np
import pytest
from exact_index import MemoryRows
from index_builders import unit_rows

from tusou.index.codebook import Codebook, code_dim, code_size
from tusou.index.exact import BLOCK, cosines
from tusou.index.vector_codes import LEAST_CANDIDATES, candidate_count


@pytest.mark.parametrize(
    ("dim", "size"), [(8, 2), (16, 4), (250, 63), (256, 64), (512, 64), (768, 96), (770, 97)]
)
def test_code_sizes(dim: int, size: int) -> None:
    assert code_size(dim) == size
    assert code_dim(dim) >= dim


@pytest.mark.parametrize("dim", [8, 37, 260])
def test_a_kept_codebook_encodes_alike(dim: int) -> None:
    """Also where the dimension does not divide into codes."""
    sample = unit_rows(900, dim)
    codebook = Codebook.train(sample)
    loaded = Codebook.from_array(codebook.to_array(), dim)
    rows = sample[:100].astype(np.float16)
    codes = codebook.encode(rows)
    assert codes.shape == (100, code_size(dim))
    np.testing.assert_array_equal(loaded.encode(rows), codes)


def test_the_rotation_keeps_cosines() -> None:
    codebook, rows = Codebook.train(unit_rows(700, 37)), unit_rows(20, 37, seed=2)
    rotated = codebook.rotate(rows)
    np.testing.assert_allclose(rotated @ rotated.T, rows @ rows.T, atol=1e-5)


def test_a_packed_scan_orders_rows_nearly_as_their_cosines() -> None:
    rows = unit_rows(2000, 32)
    codebook = Codebook.train(rows)
    packed = codebook.pack(codebook.encode(rows.astype(np.float16)))
    found = packed.search(codebook.rotate(rows[:50]), 20)[1]
    exact = np.argsort(-rows[:50] @ rows.T, axis=1)[:, :5]
    shares = [len(set(found[i]) & set(exact[i])) / 5 for i in range(50)]
    assert np.mean(shares) > 0.95


@pytest.mark.parametrize("count", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
def test_cosines_over_whole_and_broken_blocks(count: int) -> None:
    rows = MemoryRows(unit_rows(50, 24))
    query = unit_rows(1, 24, seed=5)[0]
    chosen = np.random.default_rng(0).integers(0, 50, count)
    expected = rows.take(chosen).astype(np.float64) @ query
    np.testing.assert_allclose(cosines(rows, query, chosen), expected, atol=1e-5)


def test_candidates_grow_with_depth_and_rows() -> None:
    assert candidate_count(1000, 1_000_000) == 4500
    assert candidate_count(1000, 100_000) == 2500
    assert candidate_count(10, 1_000_000) == LEAST_CANDIDATES
    assert candidate_count(0, 0) == LEAST_CANDIDATES
