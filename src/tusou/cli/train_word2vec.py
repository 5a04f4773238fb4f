"""``tusou train word2vec``: word vectors from texts, captions or a library."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Literal

import click

from tusou.catalog.library import Library
from tusou.cli.common import format_bytes, json_option, print_json, progress_bar
from tusou.types import Language

if TYPE_CHECKING:
    from tusou.text.analyze import Analyzer

_SUMMARY = (
    "{output}: {vocabulary:,} words × {dim} out of {texts:,} texts ({words:,} words), {size}, {seconds} s"
)


@click.command(context_settings={"show_default": True})
@click.argument("sources", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    metavar="FILE.npz",
    help="Where the vectors go; FILE.manifest.json is written beside them.",
)
@click.option(
    "--library",
    "library_path",
    type=click.Path(path_type=Path, file_okay=False),
    show_default=False,
    help="Learn from this library's titles, descriptions and keywords as well.",
)
@click.option(
    "--lang", type=click.Choice(["en", "zh", "all"]), default="all", help="Captions of this language."
)
@click.option("--split", default="", show_default=False, help="Only captions of this split.")
@click.option(
    "--algorithm",
    type=click.Choice(["skip-gram", "cbow"]),
    default="skip-gram",
    help="Predict the neighbours from the word, or the word from its neighbours.",
)
@click.option("--dim", type=click.IntRange(2, 10_000), default=100, help="Numbers per word.")
@click.option("--window", type=click.IntRange(1), default=5, help="Words looked at on either side.")
@click.option("--min-count", type=click.IntRange(1), default=3, help="Rarer words get no vector.")
@click.option("--negative", type=click.IntRange(1), default=5, help="Random words held against each pair.")
@click.option("--epochs", type=click.IntRange(1), default=10, help="Passes over the texts.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=1, help="Start of the random numbers.")
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=1,
    help="Threads; only one gives the same vectors every time.",
)
@json_option
def word2vec(
    sources: tuple[Path, ...],
    output: Path,
    library_path: Path | None,
    lang: Literal["en", "zh", "all"],
    split: str,
    algorithm: Literal["skip-gram", "cbow"],
    dim: int,
    window: int,
    min_count: int,
    negative: int,
    epochs: int,
    seed: int,
    workers: int,
    as_json: bool,
) -> None:
    """Train word vectors (Word2Vec) on SOURCES.

    They are files with one text a line, or captions.jsonl, gzipped or not. Texts are cut into words as in
    search: English is stemmed, Chinese segmented. `tusou words` reads what comes out.
    """
    from tusou.training.word2vec import Word2VecOptions, save_word2vec, train_word2vec
    from tusou.training.word_corpus import LANGUAGES, write_corpus

    if not sources and library_path is None:
        raise click.UsageError("name a file of texts, or a library with --library")
    options = Word2VecOptions(
        dim=dim,
        window=window,
        min_count=min_count,
        negative=negative,
        epochs=epochs,
        skip_gram=algorithm == "skip-gram",
        seed=seed,
        workers=workers,
    )
    started = perf_counter()
    languages = LANGUAGES if lang == "all" else (lang,)
    with tempfile.TemporaryDirectory(prefix="tusou-words-") as folder:
        texts = _texts(sources, library_path, languages, split)
        corpus = write_corpus(texts, _analyzer(library_path), Path(folder) / "corpus.txt")
        with progress_bar("Training word vectors") as advance:
            vectors = train_word2vec(corpus, options, advance)
        named = [str(source) for source in (*sources, *filter(None, [library_path]))]
        manifest = save_word2vec(vectors, output, corpus, options, named)
    answer = {
        "output": str(output),
        "manifest": str(manifest),
        "texts": corpus.texts,
        "words": corpus.words,
        "vocabulary": len(vectors.words),
        "dim": vectors.dim,
        "bytes": output.stat().st_size,
        "seconds": round(perf_counter() - started, 2),
    }
    if as_json:
        print_json(answer)
    else:
        click.echo(_SUMMARY.format(**answer, size=format_bytes(output.stat().st_size)))


def _texts(
    sources: tuple[Path, ...], library_path: Path | None, languages: tuple[Language, ...], split: str
) -> Iterator[str]:
    from tusou.training.word_corpus import library_texts, read_texts

    for source in sources:
        yield from read_texts(source, languages=languages, split=split)
    if library_path is not None:
        with Library.open(library_path) as library:
            yield from library_texts(library, languages=languages)


def _analyzer(library_path: Path | None) -> Analyzer:
    from tusou.text.analyze import default_analyzer
    from tusou.training.word_corpus import library_analyzer

    if library_path is None:
        return default_analyzer()
    with Library.open(library_path) as library:
        return library_analyzer(library)
