"""Word vectors learn something: neighbours of the right kind in both languages, the same every time."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from gensim.models import KeyedVectors, Word2Vec
from sklearn.feature_extraction.text import TfidfVectorizer

from search_builders import World
from tusou.cli.main import cli
from tusou.errors import DataError, TrainingError
from tusou.text.analyze import default_analyzer
from tusou.text.idf import idf_table
from tusou.text.word_files import load_word_vectors, npz_bytes
from tusou.text.word_vectors import WordVectors
from tusou.training.word2vec import Word2VecOptions, save_word2vec, train_word2vec
from tusou.training.word_corpus import LANGUAGES, WordCorpus, library_texts, read_texts, write_corpus

pytestmark = pytest.mark.train

CLUSTERS = {
    "en": (("dog", "cat", "cow", "pig", "hen"), ("car", "bus", "van", "jeep", "taxi")),
    "zh": (("狗", "猫", "牛", "猪", "鸡"), ("轿车", "火车", "卡车", "货车", "电车")),
}
QUICK = Word2VecOptions(dim=16, window=4, min_count=1, epochs=8, subsample=0)


def cluster_texts(language: str, count: int = 600) -> list[str]:
    """Texts of four words, all of one cluster."""
    generator = np.random.default_rng(5)
    clusters = CLUSTERS[language]
    return [" ".join(generator.choice(clusters[i % 2], 4)) for i in range(count)]


def shuffled(texts: Sequence[str]) -> list[str]:
    """The same words, each thrown into any text."""
    words = np.random.default_rng(6).permutation([word for text in texts for word in text.split()])
    return [" ".join(words[i : i + 4]) for i in range(0, len(words), 4)]


def make_corpus(texts: Sequence[str], folder: Path) -> WordCorpus:
    folder.mkdir(exist_ok=True)
    return write_corpus(texts, default_analyzer(), folder / "corpus.txt")


def purity(vectors: WordVectors, clusters: Sequence[Sequence[str]]) -> float:
    """Share of each word's four nearest words that are of its own cluster; 4 / 9 by chance."""
    own = {word: set(cluster) for cluster in clusters for word in cluster}
    hits = [each.word in own[word] for word in own for each in vectors.similar(word, 4)]
    return float(np.mean(hits))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> WordCorpus:
    return make_corpus(cluster_texts("en") + cluster_texts("zh"), tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def vectors(corpus: WordCorpus) -> WordVectors:
    return train_word2vec(corpus, QUICK)


@pytest.mark.parametrize("skip_gram", [True, False])
@pytest.mark.parametrize("language", LANGUAGES)
def test_neighbours_are_of_the_same_kind_and_shuffled_texts_teach_nothing(
    tmp_path: Path, language: str, skip_gram: bool
) -> None:
    options = Word2VecOptions(dim=16, window=4, min_count=1, epochs=20, subsample=0, skip_gram=skip_gram)
    texts = cluster_texts(language)
    learned = train_word2vec(make_corpus(texts, tmp_path / "a"), options)
    control = train_word2vec(make_corpus(shuffled(texts), tmp_path / "b"), options)
    assert purity(learned, CLUSTERS[language]) >= 0.95
    assert purity(control, CLUSTERS[language]) <= 0.7


def test_both_languages_in_one_corpus(vectors: WordVectors) -> None:
    kinds = [cluster for language in LANGUAGES for cluster in CLUSTERS[language]]
    assert purity(vectors, kinds) >= 0.95


def test_the_same_seed_gives_equal_vectors_and_another_does_not(
    corpus: WordCorpus, vectors: WordVectors
) -> None:
    again = train_word2vec(corpus, QUICK)
    other = train_word2vec(corpus, Word2VecOptions(**(vars(QUICK) | {"seed": 2})))
    assert again.words == vectors.words
    np.testing.assert_array_equal(again.matrix, vectors.matrix)
    assert not np.allclose(other.matrix, again.matrix)


def test_words_come_by_frequency_with_their_idf(corpus: WordCorpus, vectors: WordVectors) -> None:
    table = idf_table(corpus)
    assert vectors.idf is not None
    assert set(vectors.words) == set(table)
    np.testing.assert_allclose(vectors.idf, [table[word] for word in vectors.words], rtol=1e-6)
    counts = [sum(text.count(word) for text in corpus) for word in vectors.words]
    assert counts == sorted(counts, reverse=True)


def test_progress_ends_at_one(corpus: WordCorpus) -> None:
    told: list[float] = []
    train_word2vec(corpus, QUICK, told.append)
    assert told == [i / QUICK.epochs for i in range(1, QUICK.epochs + 1)]


@pytest.mark.parametrize("binary", [False, True])
def test_files_written_by_gensim_are_read_and_answered_alike(
    tmp_path: Path, vectors: WordVectors, binary: bool
) -> None:
    oracle = KeyedVectors(vectors.dim)
    oracle.add_vectors(vectors.words, vectors.matrix)
    oracle.save_word2vec_format(tmp_path / "vectors", binary=binary)
    loaded = load_word_vectors(tmp_path / "vectors")
    assert loaded.words == vectors.words
    np.testing.assert_allclose(loaded.matrix, vectors.matrix, atol=1e-6)
    for word in ("dog", "火车"):
        expected = oracle.most_similar(word, topn=5)
        assert [each.word for each in loaded.similar(word, 5)] == [found for found, _ in expected]
    found, score = oracle.most_similar(positive=["cat", "bus"], negative=["dog"], topn=1)[0]
    mine = loaded.analogy("cat", "dog", "bus", 1)[0]
    assert mine.word == found
    assert mine.score == pytest.approx(score, abs=1e-5)


def test_idf_is_that_of_scikit_learn() -> None:
    texts = [["狗", "跑", "狗"], ["狗", "海"], ["海", "red"]]
    oracle = TfidfVectorizer(analyzer=lambda words: words).fit(texts)
    assert idf_table(texts) == pytest.approx(
        dict(zip(oracle.get_feature_names_out(), oracle.idf_, strict=True))
    )


def test_a_run_is_kept_with_its_manifest(tmp_path: Path, corpus: WordCorpus, vectors: WordVectors) -> None:
    output = tmp_path / "new" / "words.npz"
    manifest = json.loads(save_word2vec(vectors, output, corpus, QUICK, ["texts.txt"]).read_bytes())
    assert output.with_name("words.manifest.json").is_file()
    assert output.read_bytes() == npz_bytes(vectors)
    assert manifest["options"]["dim"] == 16
    assert manifest["corpus"] == {
        "sources": ["texts.txt"],
        "texts": 1200,
        "words": 4800,
        "sha256": corpus.digest,
    }
    assert manifest["vocabulary"] == len(vectors.words)
    assert {"tusou", "gensim", "numpy", "python", "rjieba"} <= set(manifest["versions"])


def test_words_that_are_too_rare_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no word stands 3 times in 2 words; lower --min-count") as caught:
        train_word2vec(make_corpus(["red dog"], tmp_path), Word2VecOptions())
    assert caught.value.reason == "no_words"


def test_vectors_that_are_not_finite_are_an_error(
    corpus: WordCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Word2Vec, "train", lambda self, **_: self.wv.vectors.fill(np.nan))
    with pytest.raises(TrainingError, match="not finite") as caught:
        train_word2vec(corpus, QUICK)
    assert caught.value.reason == "not_finite"


def test_without_gensim_the_extra_is_named(corpus: WordCorpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tusou.training.word2vec.find_spec", lambda _name: None)
    with pytest.raises(TrainingError, match=r"tusou\[train\]"):
        train_word2vec(corpus, QUICK)


# The corpus


def test_texts_are_cut_into_the_words_of_search(tmp_path: Path) -> None:
    made = make_corpus(["Dogs running，紅色的汽車", "…", "", "長江大橋"], tmp_path)
    assert list(made) == [["dog", "run", "红色", "的", "汽车"], ["长江", "大桥", "长江大桥"]]
    assert (made.texts, made.words) == (2, 8)
    assert make_corpus(["dog"], tmp_path).digest != made.digest


def test_no_words_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no words") as caught:
        make_corpus(["…", ""], tmp_path)
    assert caught.value.reason == "no_words"


@pytest.mark.parametrize("packed", [False, True])
def test_a_text_file_has_a_text_a_line(tmp_path: Path, packed: bool) -> None:
    data = "\ufeff一只狗\nA cat\n".encode()
    path = tmp_path / "texts.txt"
    path.write_bytes(gzip.compress(data) if packed else data)
    assert [text.strip() for text in read_texts(path)] == ["一只狗", "A cat"]


def test_a_novel_on_one_line_is_read_to_its_end(tmp_path: Path) -> None:
    """Normalisation cuts a text at 10,000 characters; the rest of the line was lost."""
    (tmp_path / "novel.txt").write_text("dog " * 9000, "utf-8")
    made = write_corpus(read_texts(tmp_path / "novel.txt"), default_analyzer(), tmp_path / "corpus.txt")
    assert (made.texts, made.words) == (4, 9000)


ROWS = [
    {"image": "a.jpg", "split": "train", "en": ["A dog."], "zh": ["一只狗。", "狗"]},
    {"image": "b.jpg", "split": "dev", "en": ["A cat."]},
]


def test_captions_by_language_and_split(tmp_path: Path) -> None:
    path = tmp_path / "captions.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in ROWS) + "\n\n", "utf-8")
    assert list(read_texts(path)) == ["A dog.", "一只狗。", "狗", "A cat."]
    assert list(read_texts(path, languages=["zh"])) == ["一只狗。", "狗"]
    assert list(read_texts(path, split="dev")) == ["A cat."]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("c.jsonl", b'{"en": ["a"]}\n{"en": \n', "line 2: not valid JSON"),
        ("c.jsonl", b"[1]\n", "line 1: expected a JSON object"),
        ("c.jsonl", b'{"en": "a"}\n', "line 1: expected a list of captions under 'en'"),
        ("c.jsonl", b'{"en": [1]}\n', "line 1: expected a list of captions under 'en'"),
        ("t.txt", b"good\n\xff\xfe\n", "line 2: not UTF-8"),
        ("t.txt.gz", gzip.compress(b"a\n" * 9999)[:-12], "cannot be read after line"),
    ],
)
def test_a_bad_source_is_named_with_its_line(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=message) as caught:
        list(read_texts(tmp_path / name))
    assert str(tmp_path / name) in str(caught.value)


# The command


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.add(title_en="Red dogs", keywords_zh=("图搜引擎", "狗"), description_zh="一只狗")
    made.add(title_zh="猫")
    yield made
    made.close()


def test_texts_of_a_library(world: World) -> None:
    assert [text for text in library_texts(world.library) if text] == [
        "Red dogs",
        "一只狗",
        "图搜引擎 狗",
        "猫",
    ]
    assert [text for text in library_texts(world.library, languages=["en"]) if text] == ["Red dogs"]


def test_training_from_files_and_a_library_by_command(world: World, tmp_path: Path) -> None:
    source, output = tmp_path / "texts.txt", tmp_path / "words.npz"
    source.write_text("\n".join(cluster_texts("zh", 100)), "utf-8")
    command = [
        "train",
        "word2vec",
        str(source),
        "--library",
        str(world.library.path),
        "--output",
        str(output),
    ]
    sizes = ["--dim", "8", "--epochs", "2", "--min-count", "1", "--algorithm", "cbow"]
    result = CliRunner().invoke(cli, [*command, *sizes, "--json"])
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    vectors = load_word_vectors(output)
    assert (said["vocabulary"], said["dim"], said["texts"]) == (len(vectors.words), 8, 104)
    assert vectors.row("图搜引擎") is not None, "the library's own words are kept whole"
    manifest = json.loads(Path(said["manifest"]).read_bytes())
    assert manifest["corpus"]["sources"] == [str(source), str(world.library.path)]
    assert manifest["options"]["skip_gram"] is False
    asked = CliRunner().invoke(
        cli, ["words", "similar", "狗", "--vectors", str(output), "--json", "--k", "3"]
    )
    assert len(json.loads(asked.stdout)["neighbours"]) == 3


def test_the_command_says_in_one_line_what_it_made(tmp_path: Path) -> None:
    source = tmp_path / "texts.txt"
    source.write_text("\n".join(cluster_texts("en", 60)), "utf-8")
    result = CliRunner().invoke(
        cli, ["train", "word2vec", str(source), "-o", str(tmp_path / "w.npz"), "--epochs", "1"]
    )
    assert "10 words × 100 out of 60 texts (240 words)" in result.stdout


def test_nothing_to_learn_from_is_wrong_usage(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["train", "word2vec", "-o", str(tmp_path / "w.npz")])
    assert result.exit_code == 2
    assert "--library" in result.output
