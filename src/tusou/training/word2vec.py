"""Train word vectors on a corpus: Word2Vec by gensim, with the corpus's IDF kept beside them."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tusou import __version__
from tusou.catalog.durable import dump_json, write_durably
from tusou.errors import DataError, TrainingError
from tusou.text.idf import idf_table
from tusou.text.word_files.arrays import npz_bytes
from tusou.text.word_vectors import WordVectors
from tusou.training.word_corpus import WordCorpus

if TYPE_CHECKING:
    from gensim.models import Word2Vec

MANIFEST_SCHEMA = 1


@dataclass(frozen=True)
class Word2VecOptions:
    """How to train.

    Attributes:
        dim: Numbers per word.
        window: Words looked at on either side.
        min_count: Rarer words get no vector.
        negative: Random words held against each pair.
        epochs: Passes over the corpus.
        skip_gram: Predict the neighbours from the word; else CBOW, the word from its neighbours.
        subsample: Words more frequent than this share of the corpus are skipped now and then.
        seed: Start of the random numbers.
        workers: Threads; only one gives the same vectors every time.
    """

    dim: int = 100
    window: int = 5
    min_count: int = 3
    negative: int = 5
    epochs: int = 10
    skip_gram: bool = True
    subsample: float = 1e-3
    seed: int = 1
    workers: int = 1


def train_word2vec(
    corpus: WordCorpus, options: Word2VecOptions, progress: Callable[[float], None] = lambda _done: None
) -> WordVectors:
    """Train skip-gram or CBOW with negative sampling (Mikolov et al., NIPS 2013).

    Args:
        corpus: What to learn from.
        options: How.
        progress: Told the share of epochs done, 0 to 1.

    Returns:
        Vectors with their IDF over the corpus's texts, the most frequent word first.

    Raises:
        DataError: ``no_words``: no word is as frequent as ``min_count`` asks.
        TrainingError: ``missing_extra``, or ``not_finite``: the vectors grew without bounds.
    """
    model = _model(options)
    file = str(corpus.path)
    model.build_vocab(corpus_file=file)
    if not model.wv.key_to_index:
        raise DataError(
            f"no word stands {options.min_count} times in {corpus.words:,} words; "
            "lower --min-count or add text",
            reason="no_words",
        )
    model.train(
        corpus_file=file,
        total_examples=model.corpus_count,
        total_words=model.corpus_total_words,
        epochs=options.epochs,
        callbacks=[_progress_callback(progress, options.epochs)],
    )
    if not np.isfinite(model.wv.vectors).all():
        raise TrainingError("the vectors are not finite any more; train fewer epochs", reason="not_finite")
    idf = idf_table(corpus)
    words = model.wv.index_to_key
    return WordVectors(words, model.wv.vectors, idf=np.array([idf[word] for word in words], np.float32))


def save_word2vec(
    vectors: WordVectors, output: Path, corpus: WordCorpus, options: Word2VecOptions, sources: list[str]
) -> Path:
    """Write the npz, then its manifest beside it, each whole or not at all.

    Returns:
        The manifest: ``NAME.manifest.json`` beside ``NAME.npz``.

    Raises:
        StorageFull: The disk has no room.
    """
    data = npz_bytes(vectors)
    manifest = {
        "schema_version": MANIFEST_SCHEMA,
        "kind": "word2vec",
        "options": asdict(options),
        "corpus": {
            "sources": sources,
            "texts": corpus.texts,
            "words": corpus.words,
            "sha256": corpus.digest,
        },
        "vocabulary": len(vectors.words),
        "sha256": hashlib.sha256(data).hexdigest(),
        "versions": _versions(),
    }
    path = output.with_suffix(".manifest.json")
    output.parent.mkdir(parents=True, exist_ok=True)
    write_durably(output, data)
    write_durably(path, dump_json(manifest))
    return path


def _versions() -> dict[str, str]:
    libraries = {name: version(name) for name in ("gensim", "numpy", "rjieba")}
    return {"tusou": __version__, "python": platform.python_version(), **libraries}


def _model(options: Word2VecOptions) -> Word2Vec:
    if find_spec("gensim") is None:
        raise TrainingError(
            "training word vectors needs gensim: pip install 'tusou[train]'", reason="missing_extra"
        )
    from gensim.models import Word2Vec

    return Word2Vec(
        vector_size=options.dim,
        window=options.window,
        min_count=options.min_count,
        negative=options.negative,
        sg=int(options.skip_gram),
        sample=options.subsample,
        seed=options.seed,
        workers=options.workers,
    )


def _progress_callback(progress: Callable[[float], None], epochs: int) -> Any:
    from gensim.models.callbacks import CallbackAny2Vec

    class Progress(CallbackAny2Vec):  # type: ignore[misc]  # gensim has no types
        done = 0

        def on_epoch_end(self, _model: Word2Vec) -> None:
            self.done += 1
            progress(self.done / epochs)

    return Progress()
