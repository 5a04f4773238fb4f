"""Each retriever hands its part of the query to the index, and nothing when it has no part."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from search_builders import BLUE, RED, World, solid
from tusou.index.base import TextClause, TextQuery
from tusou.recall.dense import DenseRetriever
from tusou.recall.lexical import LexicalRetriever

CAR = TextQuery(should=(TextClause(words=("car",)),))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.add_many([(solid(RED), {"title_en": "Car"}), (solid(BLUE), {"title_en": "Sea"})])
    yield made
    made.close()


def test_words_find_texts(world: World) -> None:
    retriever = LexicalRetriever(world.index)
    assert retriever.retrieve(CAR, None, 10, None).rows.tolist() == [0]
    assert retriever.retrieve(CAR, None, 10, np.array([False, True])).rows.tolist() == []
    assert retriever.retrieve(None, None, 10, None).rows.tolist() == []
    assert retriever.retrieve(TextQuery(), None, 10, None).rows.tolist() == []


def test_embeddings_find_pictures(world: World) -> None:
    retriever = DenseRetriever(world.index)
    (blue,) = world.encoder.encode_texts(["blue"])
    assert retriever.retrieve(None, blue, 10, None).rows.tolist() == [1, 0]
    assert retriever.retrieve(CAR, blue, 10, np.array([True, False])).rows.tolist() == [0]
    assert retriever.retrieve(CAR, None, 10, None).rows.tolist() == []
