"""Cross-modal ranks: a case on paper, a naive reference, ties, and controls that must fail."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tusou.errors import EvaluationError
from tusou.evaluation.cross_modal import evaluate_cross_modal, first_relevant_ranks
from tusou.evaluation.measures import Ranks
from tusou.types import Embeddings


def unit(rows: np.ndarray) -> Embeddings:
    normalised: Embeddings = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return normalised


def naive_ranks(
    queries: Embeddings, documents: Embeddings, query_groups: np.ndarray, document_groups: np.ndarray
) -> Ranks:
    ranks = []
    for query, group in zip(queries, query_groups, strict=True):
        scores = [float(query @ document) for document in documents]
        best = max(score for score, other in zip(scores, document_groups, strict=True) if other == group)
        before = sum(
            score >= best and other != group for score, other in zip(scores, document_groups, strict=True)
        )
        ranks.append(1 + before)
    return np.array(ranks)


def test_three_pictures_on_paper() -> None:
    """Axes are the pictures; captions 0 and 1 tell picture 0, the latter wrongly as picture 2."""
    images = np.eye(3, dtype=np.float32)
    captions = unit(np.array([[3, 1, 0], [1, 2, 3], [0, 3, 1], [2, 0, 3]]))
    measured = evaluate_cross_modal(images, captions, np.array([0, 0, 1, 2]))
    # Captions find their pictures at ranks 1, 3, 1, 1; every picture finds a caption of its own first, but
    # picture 2 finds caption 3 (cosine 0.832) before caption 1 (0.802).
    assert measured.text_to_image.success == {1: 0.75, 5: 1.0, 10: 1.0}
    assert measured.text_to_image.median_rank == 1
    assert measured.image_to_text.success == {1: 1.0, 5: 1.0, 10: 1.0}
    assert (measured.text_to_image.queries, measured.text_to_image.documents) == (4, 3)
    assert (measured.image_to_text.queries, measured.image_to_text.documents) == (3, 4)


@pytest.mark.parametrize("queries", [1, 7, 512, 513, 1100])
def test_blocks_equal_the_naive_reference(queries: int) -> None:
    rng = np.random.default_rng(queries)
    left, right = unit(rng.normal(size=(queries, 5))), unit(rng.normal(size=(11, 5)))
    groups, document_groups = rng.integers(0, 4, queries), np.arange(11) % 4
    expected = naive_ranks(left[:40], right, groups[:40], document_groups)
    np.testing.assert_array_equal(first_relevant_ranks(left, right, groups, document_groups)[:40], expected)


@given(st.integers(0, 2**32 - 1))
def test_order_of_documents_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    queries, documents = unit(rng.normal(size=(6, 4))), unit(rng.normal(size=(9, 4)))
    groups, document_groups = np.arange(6) % 3, np.arange(9) % 3
    order = rng.permutation(9)
    np.testing.assert_array_equal(
        first_relevant_ranks(queries, documents, groups, document_groups),
        first_relevant_ranks(queries, documents[order], groups, document_groups[order]),
    )


def test_one_point_for_everything_is_last_not_first() -> None:
    same = np.tile(unit(np.ones((1, 4))), (8, 1))
    ranks = first_relevant_ranks(same, same, np.arange(8), np.arange(8))
    assert ranks.tolist() == [8] * 8


def test_ties_among_relevant_documents_do_not_count() -> None:
    documents = np.tile(unit(np.ones((1, 4))), (3, 1))
    assert first_relevant_ranks(documents[:1], documents, np.array([0]), np.array([0, 0, 1])).tolist() == [2]


def test_shuffled_pairs_fall_to_chance() -> None:
    """Negative control: the same embeddings with wrong pairs must not look good."""
    rng = np.random.default_rng(0)
    images = unit(rng.normal(size=(200, 16)))
    captions = unit(images + 0.1 * rng.normal(size=images.shape))
    good = evaluate_cross_modal(images, captions, np.arange(200)).text_to_image
    wrong = evaluate_cross_modal(images, captions, np.roll(np.arange(200), 1)).text_to_image
    assert good.success[10] == 1.0
    assert wrong.success[10] < 0.2


EYE = np.eye(3, dtype=np.float32)


@pytest.mark.parametrize(
    ("queries", "documents", "query_groups", "words"),
    [
        (EYE[:0], EYE, np.arange(0), "no queries"),
        (EYE, EYE[:0], np.arange(3), "no documents"),
        (EYE, EYE, np.arange(2), "groups for 2"),
        (EYE, EYE, np.array([0, 1, 7]), "no relevant document"),
        (np.full_like(EYE, np.nan), EYE, np.arange(3), "NaN"),
        (EYE, np.full_like(EYE, np.inf), np.arange(3), "documents hold NaN"),
    ],
)
def test_input_that_cannot_be_ranked_is_refused(
    queries: Embeddings, documents: Embeddings, query_groups: np.ndarray, words: str
) -> None:
    with pytest.raises(EvaluationError, match=words):
        first_relevant_ranks(queries, documents, query_groups, np.arange(len(documents)))
