"""What every index engine must do, compared with the naive ExactIndex; subclass and say where it is kept."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from index_builders import (
    DIM,
    ExactShelf,
    Shelf,
    ask,
    clause,
    document,
    filled,
    random_documents,
    unit_rows,
    with_documents,
    words,
)

from tusou.errors import DimensionMismatch, QueryError, VectorIndexError
from tusou.index.base import FIELDS, FieldTokens, Index, TextClause, TextQuery
from tusou.index.token_rows import FIELD_WEIGHTS
from tusou.types import Filters, Range

ROWS = 300
FILTERS = {
    "none": Filters(),
    "half": Filters(format=("png",)),
    "10%": Filters(supplier=("tenth",)),
    "1%": Filters(supplier=("rare",)),
    "nothing": Filters(supplier=("nobody",)),
    "two values": Filters(supplier=("rare", "s1")),
    "excluded": Filters(exclude_supplier=("s0", "tenth", "nobody")),
    "license": Filters(license=("CC-BY-4.0",)),
    "license type": Filters(license_type=("commercial", "modification")),
    "shape": Filters(orientation=("portrait", "panoramic")),
    "size": Filters(width=Range(1000, 3000), height=Range(low=2000)),
    "megapixels": Filters(megapixels=Range(high=3.0)),
    "added": Filters(added=Range(1100.0, 1200.0)),
    "named color": Filters(color=((204, 32, 38),)),
    "any color": Filters(color=((10, 200, 100),), color_tolerance=40.0),
    "two colors": Filters(color=((30, 30, 200), (200, 30, 30)), color_tolerance=70.0),
    "everything": Filters(supplier=("s0", "s1"), format=("png",), width=Range(high=4000), color=((0, 0, 0),)),
}
QUERIES = {
    "english": ask("red", "car"),
    "chinese": ask("红色", "雪山"),
    "mixed": ask("red", "红色", "nowhere"),
    "phrase": ask("snow", must=("red car",)),
    "chinese phrase": ask(must=("雪山",)),
    "excluded": ask("red", "雪山", must_not=("car", "红色 汽车")),
    "weighted": TextQuery((clause("red", weight=1.0), clause("lake", weight=0.2))),
    "nothing": ask("nowhere"),
    "empty": TextQuery(),
}


class IndexContract:
    """Cases worked by hand. Inherit and define make_shelf()."""

    @staticmethod
    def make_shelf(folder: Path) -> Shelf:
        """An empty place for an index, with ROWS embeddings of unit_rows()."""
        raise NotImplementedError

    @pytest.fixture
    def shelf(self, tmp_path: Path) -> Shelf:
        return self.make_shelf(tmp_path / "index")

    def test_empty_index_answers_with_nothing(self, shelf: Shelf) -> None:
        for index in (shelf.open(), shelf.open(writer=True)):
            assert (len(index), index.watermark, index.refresh(), index.verify()) == (0, 0, False, [])
            assert len(index.search_text(ask("red"), 10).rows) == 0
            assert len(index.search_vectors(unit_rows(1)[0], 10).rows) == 0
            assert len(index.search_fingerprints(bytes(32), 256).rows) == 0
            assert index.mask(Filters()) is None
            assert index.facets(None, ["supplier", "color"]) == {"supplier": [], "color": []}
            assert index.field_scores(ask("red"), np.array([], np.int64)).shape == (0, len(FIELDS))
            index.close()

    def test_writes_are_seen_after_commit_and_elsewhere_after_refresh(self, shelf: Shelf) -> None:
        writer, reader = shelf.open(writer=True), shelf.open()
        writer.upsert([document(0, "red car")])
        assert len(writer) == len(writer.search_text(ask("red"), 10).rows) == 0
        writer.commit(7)
        assert (len(writer), writer.watermark) == (1, 7)
        assert (len(reader), reader.watermark) == (0, 0)
        assert reader.refresh()
        assert (len(reader), reader.watermark) == (1, 7)
        assert reader.search_text(ask("red"), 10).rows.tolist() == [0]
        assert not reader.refresh()

    def test_uncommitted_writes_are_lost(self, shelf: Shelf) -> None:
        with_documents(shelf, [document(0, "red")])
        writer = shelf.open(writer=True)
        writer.upsert([document(1, "red")])
        writer.delete([0])
        writer.close()
        assert shelf.open().search_text(ask("red"), 10).rows.tolist() == [0]

    def test_update_replaces_text_and_attributes(self, shelf: Shelf) -> None:
        with_documents(shelf, [document(0, "red car"), document(1, "red")])
        with_documents(shelf, [document(0, "blue", supplier="other", width=10, height=100)], 2)
        index = shelf.open()
        assert index.search_text(ask("red"), 10).rows.tolist() == [1]
        assert index.search_text(ask("blue"), 10).rows.tolist() == [0]
        assert index.facets(None, ["supplier"])["supplier"] == [("atlas", 1), ("other", 1)]
        mask = index.mask(Filters(orientation=("portrait",)))
        assert mask is not None
        assert mask.tolist() == [True, False]

    def test_update_replaces_what_phrases_and_exclusions_find(self, shelf: Shelf) -> None:
        """Old tokens once stayed in the inverted index: scores hid them, phrases and exclusions did not."""
        with_documents(shelf, [document(0, "red car")])
        with_documents(shelf, [document(0, "blue sea")], 2)
        red = (TextClause(words=("red", "car"), phrase=True),)
        found = shelf.open().text_mask(TextQuery(must=red))
        kept = shelf.open().text_mask(TextQuery(must_not=red))
        assert found is not None
        assert kept is not None
        assert (found.tolist(), kept.tolist()) == ([False], [True])

    def test_several_changes_of_a_row_in_one_commit(self, shelf: Shelf) -> None:
        writer = shelf.open(writer=True)
        writer.upsert([document(0, "one"), document(0, "two"), document(1, "one"), document(2, "one")])
        writer.delete([1, 2])
        writer.upsert([document(2, "two")])
        writer.commit(1)
        assert len(writer) == 2
        assert writer.search_text(ask("one"), 10).rows.tolist() == []
        assert sorted(writer.search_text(ask("two"), 10).rows.tolist()) == [0, 2]

    def test_deleted_rows_are_found_by_nothing(self, shelf: Shelf) -> None:
        with_documents(shelf, [document(row, "red") for row in range(3)])
        writer = shelf.open(writer=True)
        writer.delete([1, 99, -1])
        writer.commit(2)
        for index in (writer, shelf.open()):
            assert len(index) == 2
            assert index.search_text(ask("red"), 10).rows.tolist() == [0, 2]
            assert sorted(index.search_vectors(unit_rows(1)[0], 10).rows.tolist()) == [0, 2]
            assert 1 not in index.search_fingerprints(bytes(32), 256).rows
            assert index.facets(None, ["format"]) == {"format": [("jpeg", 2)]}
            mask = index.mask(Filters(supplier=("atlas",)))
            assert mask is not None
            assert mask.tolist() == [True, False, True]
            wanted = index.text_mask(ask(must=("red",)))
            assert wanted is not None
            assert wanted.tolist() == [True, False, True]

    def test_a_deleted_row_may_come_back(self, shelf: Shelf) -> None:
        writer = shelf.open(writer=True)
        writer.upsert([document(0, "red"), document(1, "red")])
        writer.commit(1)
        writer.delete([0])
        writer.commit(2)
        writer.upsert([document(0, "blue")])
        writer.commit(3)
        assert len(writer) == 2
        assert writer.search_text(ask("blue"), 10).rows.tolist() == [0]

    def test_rows_never_delivered_stay_out(self, shelf: Shelf) -> None:
        index = filled(shelf, [document(0, "red"), document(5, "red")])
        assert len(index) == 2
        assert sorted(index.search_vectors(unit_rows(1)[0], 10).rows.tolist()) == [0, 5]
        assert index.facets(None, ["supplier"]) == {"supplier": [("atlas", 2)]}

    def test_bm25_of_one_field_by_hand(self, shelf: Shelf) -> None:
        """Three titles of 1, 2 and 3 words, one of which holds the word twice."""
        index = filled(shelf, [document(0, "cat"), document(1, "cat dog"), document(2, "dog dog cow")])
        scores = index.field_scores(ask("dog"), np.array([0, 1, 2]))[:, 0]
        idf = np.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
        length = 1.2 * (0.25 + 0.75 * np.array([1, 2, 3]) / 2)
        tf = np.array([0, 1, 2])
        np.testing.assert_allclose(scores, idf * tf * 2.2 / (tf + length), rtol=1e-5)

    def test_a_chinese_word_counts_once(self, shelf: Shelf) -> None:
        """Words and bigrams share one weight: found both ways it earns what an English word earns."""
        index = filled(shelf, [document(0, "雪山"), document(1, "snow"), document(2, "cat")])
        chinese = index.search_text(TextQuery((TextClause(("雪山",), ("雪山",)),)), 1).scores[0]
        english = index.search_text(ask("snow"), 1).scores[0]
        assert chinese == pytest.approx(english, rel=0.3)

    def test_phrases_need_order_and_one_field(self, shelf: Shelf) -> None:
        texts = ["red car", "car red", "red old car", "red"]
        documents = [document(row, text) for row, text in enumerate(texts)]
        documents.append(document(4, fields={"title": words("red"), "keywords": words("car")}))
        documents.append(document(5, fields={"description": words("an old red car here")}))
        index = filled(shelf, documents)
        assert set(index.search_text(ask(must=("red car",)), 10).rows.tolist()) == {0, 5}
        assert set(index.search_text(ask("red", must_not=("red car",)), 10).rows.tolist()) == {1, 2, 3, 4}
        loose = TextQuery(must=(TextClause(("car", "red")),))
        assert set(index.search_text(loose, 10).rows.tolist()) == {0, 1, 2, 5}

    def test_chinese_phrases_are_substrings(self, shelf: Shelf) -> None:
        index = filled(shelf, [document(0, "大雪山上"), document(1, "雪 山"), document(2, "雪山 湖")])
        assert set(index.search_text(ask(must=("雪山",)), 10).rows.tolist()) == {0, 2}
        mixed = TextQuery(must=(TextClause(("湖",), ("雪山",), phrase=True),))
        assert index.search_text(mixed, 10).rows.tolist() == [2]

    def test_only_exclusions_rank_nothing_but_mask(self, shelf: Shelf) -> None:
        index = filled(shelf, [document(0, "red"), document(1, "blue")])
        assert len(index.search_text(ask(must_not=("red",)), 10).rows) == 0
        mask = index.text_mask(ask(must_not=("red",)))
        assert mask is not None
        assert mask.tolist() == [False, True]

    def test_equal_scores_are_ordered_by_row(self, shelf: Shelf) -> None:
        shelf.vectors.kept[:50] = shelf.vectors.kept[0]
        index = filled(shelf, [document(row, "red") for row in range(49, -1, -1)])
        assert index.search_text(ask("red"), 50).rows.tolist() == list(range(50))
        assert index.search_vectors(unit_rows(1)[0], 50).rows.tolist() == list(range(50))
        assert index.search_vectors(unit_rows(1)[0], 5).rows.tolist() == list(range(5))

    def test_tokens_are_kept_verbatim(self, shelf: Shelf) -> None:
        odd = ("c++", "UPPER", "o'neil", "a b", "a\u3000b", "x\u200by", "😀", "tab\tbed", "é", "-", "")
        documents = [document(row, fields={"title": FieldTokens((token,))}) for row, token in enumerate(odd)]
        index = filled(shelf, documents)
        for row, token in enumerate(odd[:-1]):
            assert index.search_text(TextQuery((TextClause((token,)),)), 20).rows.tolist() == [row], token

    def test_featureless_pictures_are_near_only_when_equal(self, shelf: Shelf) -> None:
        near = bytes(31) + b"\x01"
        index = filled(
            shelf,
            [
                document(0, fingerprint=bytes(32), fingerprint_quality=10),
                document(1, fingerprint=near, fingerprint_quality=10),
                document(2, fingerprint=near, fingerprint_quality=50),
            ],
        )
        found = index.search_fingerprints(bytes(32), 8)
        assert found.rows.tolist() == [0, 2]
        np.testing.assert_allclose(found.scores, [1, 1 - 1 / 256])

    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    def test_embeddings_that_are_no_numbers_are_refused(self, shelf: Shelf, bad: float) -> None:
        shelf.vectors.kept[2, 3] = bad
        writer = shelf.open(writer=True)
        with pytest.raises(VectorIndexError, match="row 2"):
            writer.upsert([document(0), document(2)])
        writer.close()
        index = filled(shelf, [document(0)])
        query = unit_rows(1)[0]
        query[0] = bad
        with pytest.raises(QueryError):
            index.search_vectors(query, 5)
        with pytest.raises(DimensionMismatch):
            index.search_vectors(unit_rows(1, DIM + 1)[0], 5)

    def test_a_row_without_embedding_is_refused(self, shelf: Shelf) -> None:
        with pytest.raises(VectorIndexError, match="300"):
            shelf.open(writer=True).upsert([document(ROWS)])

    def test_masks_older_than_the_index_leave_new_rows_out(self, shelf: Shelf) -> None:
        writer = shelf.open(writer=True)
        writer.upsert([document(row, "red") for row in range(4)])
        writer.commit(1)
        mask = writer.mask(Filters(format=("jpeg",)))
        writer.upsert([document(row, "red") for row in range(4, 8)])
        writer.commit(2)
        assert writer.search_text(ask("red"), 10, mask).rows.tolist() == [0, 1, 2, 3]
        assert sorted(writer.search_vectors(unit_rows(1)[0], 10, mask).rows.tolist()) == [0, 1, 2, 3]


class OracleContract(IndexContract):
    """Comparisons with the naive ExactIndex over a few hundred documents."""

    @pytest.fixture(scope="class")
    @classmethod
    def pair(cls, tmp_path_factory: pytest.TempPathFactory) -> tuple[Index, Index]:
        """The engine and the oracle over the same documents; for reading only."""
        places = cls.make_shelf(tmp_path_factory.mktemp("pair")), ExactShelf(unit_rows(ROWS))
        for place in places:
            with_documents(place, random_documents(ROWS))
        return places[0].open(), places[1].open()

    @pytest.mark.parametrize("name", FILTERS)
    def test_filters_agree_with_the_oracle(self, pair: tuple[Index, Index], name: str) -> None:
        """Masks, both searches under them, and the facets of what they leave."""
        engine, oracle = pair
        masks = engine.mask(FILTERS[name]), oracle.mask(FILTERS[name])
        if name == "none":
            assert masks == (None, None)
        else:
            np.testing.assert_array_equal(*masks)
        for depth in (10, 1000):
            found, wanted = (
                index.search_vectors(unit_rows(1, seed=9)[0], depth, mask)
                for index, mask in zip(pair, masks, strict=True)
            )
            assert_same(found, wanted)
            for query in QUERIES.values():
                found, wanted = (
                    index.search_text(query, depth, mask) for index, mask in zip(pair, masks, strict=True)
                )
                assert_same(found, wanted)

    @pytest.mark.parametrize("name", QUERIES)
    def test_text_agrees_with_the_oracle(self, pair: tuple[Index, Index], name: str) -> None:
        engine, oracle = pair
        query, rows = QUERIES[name], np.arange(0, ROWS, 3)
        scores = engine.field_scores(query, rows)
        np.testing.assert_allclose(scores, oracle.field_scores(query, rows), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(
            engine.clause_scores(query, rows), oracle.clause_scores(query, rows), rtol=1e-4, atol=1e-6
        )
        masks = engine.text_mask(query), oracle.text_mask(query)
        assert (masks[0] is None) == (masks[1] is None)
        if masks[0] is not None:
            np.testing.assert_array_equal(*masks)
        found = engine.search_text(query, ROWS)
        weights = np.array([FIELD_WEIGHTS[field] for field in FIELDS])
        np.testing.assert_allclose(
            found.scores, engine.field_scores(query, found.rows) @ weights, rtol=1e-4, atol=1e-6
        )

    def test_attributes_agree_with_the_oracle(self, pair: tuple[Index, Index]) -> None:
        engine, oracle = pair
        rows = np.arange(0, ROWS, 7)
        names = ["megapixels", "unheard", "authority"]
        np.testing.assert_array_equal(engine.features(rows, names), oracle.features(rows, names))
        facets = ["supplier", "license", "license_type", "orientation", "format", "color"]
        for chosen in (None, rows):
            assert engine.facets(chosen, facets) == oracle.facets(chosen, facets)

    def test_phrases_agree_with_the_oracle(self, pair: tuple[Index, Index]) -> None:
        engine, oracle = pair
        mask = oracle.mask(FILTERS["half"])
        assert mask is not None
        rows = np.flatnonzero(mask)
        hits = 0
        for wanted in random_documents(40)[::3]:
            for name in FIELDS:
                held = wanted.fields.get(name, FieldTokens())
                words, grams = held.words, held.grams
                for phrase in (
                    TextClause(words=words[:2], phrase=True),
                    TextClause(words=words[1:4], phrase=True),
                    TextClause(grams=grams[:2], phrase=True),
                    TextClause(words=words[:1], grams=grams[:1], phrase=True),
                    TextClause(),
                ):
                    found = engine.phrases(phrase, rows)
                    np.testing.assert_array_equal(found, oracle.phrases(phrase, rows))
                    hits += int(found.sum())
        assert hits > 100

    def test_near_pairs_agree_with_the_oracle(self, pair: tuple[Index, Index]) -> None:
        engine, oracle = pair
        mask = oracle.mask(FILTERS["half"])
        assert mask is not None
        rows = np.flatnonzero(mask)[::-1][:60]
        for distance in (0, 40, 110, 256):
            found, wanted = (index.near_pairs(rows, distance) for index in (engine, oracle))
            assert found.first.tolist() == wanted.first.tolist()
            assert found.second.tolist() == wanted.second.tolist()
            assert found.trusted.tolist() == wanted.trusted.tolist()
            assert found.cosines == pytest.approx(wanted.cosines, abs=1e-4)
        assert len(engine.near_pairs(rows[:0], 40).first) == 0

    def test_fingerprints_agree_with_the_oracle(self, pair: tuple[Index, Index]) -> None:
        engine, oracle = pair
        mask = oracle.mask(FILTERS["half"])
        for wanted in (random_documents(3)[2].fingerprint, bytes(32)):
            for distance in (0, 110, 128, 256):
                for chosen in (None, mask):
                    found = engine.search_fingerprints(wanted, distance, chosen)
                    assert_same(found, oracle.search_fingerprints(wanted, distance, chosen))

    def test_embeddings_are_the_kept_ones(self, pair: tuple[Index, Index]) -> None:
        engine, oracle = pair
        rows = np.array([3, 0, 5])
        np.testing.assert_array_equal(engine.embeddings(rows), oracle.embeddings(rows))

    def test_cosines_are_exact(self, pair: tuple[Index, Index]) -> None:
        engine, oracle = pair
        query, rows = unit_rows(1, seed=5)[0], np.array([3, 0, 299, 3])
        np.testing.assert_allclose(engine.cosines(query, rows), oracle.cosines(query, rows), atol=1e-5)
        assert engine.cosines(query, np.array([], np.int64)).shape == (0,)

    def test_eleven_commits(self, shelf: Shelf) -> None:
        """Adds, changes and deletes over many commits; a reader that follows, one that opens last."""
        oracle = ExactShelf(unit_rows(ROWS))
        documents, follower = random_documents(ROWS), shelf.open()
        writers = shelf.open(writer=True), oracle.open(writer=True)
        for number in range(11):
            added = documents[number * 27 : (number + 1) * 27]
            changed = [
                dataclasses.replace(d, fields={"title": words(f"changed {number} red")}, supplier="changed")
                for d in documents[: number * 27 : 17]
            ]
            for writer in writers:
                writer.upsert([*added, *changed])
                writer.delete([number * 5, number * 31])
                writer.commit(number + 1)
            assert follower.refresh()
            assert len(follower) == len(writers[1])
        writers[0].close()
        for index in (follower, shelf.open()):
            assert index.watermark == 11
            assert_agree(index, oracle.open())
            assert index.verify() == []


def assert_same(found: object, wanted: object) -> None:
    """The same rows with the same scores; rows of almost equal scores may stand in either order."""
    rows, scores = found.rows, found.scores  # type: ignore[attr-defined] # both are ScoredRows
    expected, expected_scores = wanted.rows, wanted.scores  # type: ignore[attr-defined]
    assert len(rows) == len(expected)
    np.testing.assert_allclose(scores, expected_scores, rtol=1e-4, atol=1e-5)
    clear = np.abs(np.diff(expected_scores, prepend=np.inf, append=-np.inf)) > 1e-4
    settled = clear[:-1] & clear[1:]
    np.testing.assert_array_equal(rows[settled], expected[settled])
    if len(clear) > 1 and settled[-1:].all():
        assert set(rows.tolist()) == set(expected.tolist())


def assert_agree(engine: Index, oracle: Index) -> None:
    """Whatever is asked, row sets agree; scores are left out, for deleted documents count in them a while."""
    assert len(engine) == len(oracle)
    for name in ("none", "half", "10%", "named color", "size"):
        masks = engine.mask(FILTERS[name]), oracle.mask(FILTERS[name])
        for query in QUERIES.values():
            found = engine.search_text(query, ROWS, masks[0]).rows
            assert set(found.tolist()) == set(oracle.search_text(query, ROWS, masks[1]).rows.tolist())
        query_row = unit_rows(1, seed=9)[0]
        assert_same(
            engine.search_vectors(query_row, 20, masks[0]), oracle.search_vectors(query_row, 20, masks[1])
        )
    facets = ["supplier", "license", "color"]
    assert engine.facets(None, facets) == oracle.facets(None, facets)
