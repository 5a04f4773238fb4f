"""``tusou words``: what word vectors know about words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tusou.catalog.durable import write_durably
from tusou.cli.common import format_bytes, json_option, print_json, print_table
from tusou.errors import QueryError, TrainingError

if TYPE_CHECKING:
    from tusou.text.word_vectors import Neighbour, WordVectors

_Command = TypeVar("_Command", bound=Callable[..., Any])


def limit_option(command: _Command) -> _Command:
    """Add ``--limit N``."""
    return click.option(
        "--limit",
        type=click.IntRange(1),
        metavar="N",
        help="Read only the first N words of each file, which are the most frequent ones in most files.",
    )(command)


def vectors_options(command: _Command) -> _Command:
    """Add ``--vectors FILE`` (repeatable) and ``--limit``; the command receives ``paths`` and ``limit``."""
    return click.option(
        "--vectors",
        "paths",
        type=click.Path(path_type=Path),
        multiple=True,
        required=True,
        envvar="TUSOU_VECTORS",
        show_envvar=True,
        metavar="FILE",
        help="Word vectors: word2vec, GloVe or npz, in an archive or not; may be repeated, one per language.",
    )(limit_option(command))


def k_option(command: _Command) -> _Command:
    """Add ``--k``: words listed."""
    return click.option("--k", type=click.IntRange(1), default=10, show_default=True, help="Words listed.")(
        command
    )


@click.group()
def words() -> None:
    """Ask word vectors for similar words, analogies, a map.

    The first of the files that knows the words answers. docs/guides/words.md says where to get files, and
    `tusou train word2vec` makes one.
    """


@words.command()
@click.argument("word")
@vectors_options
@k_option
@json_option
def similar(word: str, paths: tuple[Path, ...], limit: int | None, k: int, as_json: bool) -> None:
    """List the words most similar to WORD (cosine, 1 is equal)."""
    vectors = _knowing(paths, limit, [word])
    _answer({"word": word}, word, vectors, vectors.similar(word, k), as_json)


@words.command()
@click.argument("a")
@click.argument("b")
@click.argument("c")
@vectors_options
@k_option
@json_option
def analogy(
    a: str, b: str, c: str, paths: tuple[Path, ...], limit: int | None, k: int, as_json: bool
) -> None:
    """List the words nearest to A - B + C: `king man woman` finds queen."""
    vectors = _knowing(paths, limit, [a, b, c])
    title = f"{a} - {b} + {c}"
    _answer({"a": a, "b": b, "c": c}, title, vectors, vectors.analogy(a, b, c, k), as_json)


@words.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    metavar="FILE.npz",
    help="Where the vectors go.",
)
@limit_option
@click.option("--half", is_flag=True, help="Keep three digits of each number: half the size.")
def convert(source: Path, output: Path, limit: int | None, half: bool) -> None:
    """Keep the vectors of SOURCE as an npz, which loads many times faster than text."""
    from tusou.text.word_files import npz_bytes

    (vectors,) = _load([source], limit)
    write_durably(output, npz_bytes(vectors, "float16" if half else "float32"))
    size = format_bytes(output.stat().st_size)
    click.echo(f"{output}: {len(vectors.words):,} words × {vectors.dim}, {size}")


@words.command("map")
@click.argument("listed", nargs=-1, required=True, metavar="WORDS...")
@vectors_options
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    metavar="FILE.png",
    help="Where the picture goes.",
)
@click.option(
    "--font",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A font file to write with before any installed one.",
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Another seed, another view."
)
def draw_map(
    listed: tuple[str, ...],
    paths: tuple[Path, ...],
    limit: int | None,
    output: Path,
    font: Path | None,
    seed: int,
) -> None:
    """Draw WORDS as a picture in which similar ones lie together (t-SNE); one panel per file of vectors."""
    if find_spec("sklearn") is None or find_spec("matplotlib") is None:
        raise TrainingError(
            "drawing words needs scikit-learn and matplotlib: pip install 'tusou[train]'",
            reason="missing_extra",
        )
    from tusou.training.word_map import WordPanel, draw_word_map

    panels = [
        WordPanel(Path(vectors.source).name, known, vectors.matrix[vectors.rows(known)])
        for vectors, known in _shared_out(paths, limit, listed)
    ]
    missing = draw_word_map(panels, output, font=font, seed=seed)
    if missing:
        click.echo(
            f"tusou: no installed font draws {missing}; they are boxes in the picture: "
            "install a Chinese font (Noto Sans CJK, WenQuanYi …) or name a font file with --font",
            err=True,
        )
    click.echo(f"{output}: {sum(len(panel.words) for panel in panels)} words")


def _load(paths: Sequence[Path], limit: int | None) -> Iterator[WordVectors]:
    """Load the files one after the other, and say what had to be left out of them."""
    from tusou.text.word_files import load_word_vectors

    for path in paths:
        vectors = load_word_vectors(path, limit=limit)
        if vectors.skipped:
            causes = ", ".join(f"{count:,} {cause}" for cause, count in vectors.skipped.items())
            click.echo(f"tusou: rows left out of {vectors.source}: {causes}", err=True)
        yield vectors


def _knowing(paths: Sequence[Path], limit: int | None, wanted: Sequence[str]) -> WordVectors:
    """The first file that knows all the words; later ones are not even loaded."""
    problems = []
    for vectors in _load(paths, limit):
        unknown = [word for word in wanted if vectors.find(word) is None]
        if not unknown:
            return vectors
        problems.append(vectors.unknown_message(unknown))
    raise QueryError("\n       ".join(problems), reason="unknown_word")


def _shared_out(
    paths: Sequence[Path], limit: int | None, wanted: Sequence[str]
) -> Iterator[tuple[WordVectors, list[str]]]:
    """Each word goes to the first file that knows it."""
    left = list(dict.fromkeys(wanted))
    problems = []
    for vectors in _load(paths, limit):
        known = [word for word in left if vectors.find(word) is not None]
        left = [word for word in left if word not in known]
        if known:
            yield vectors, known
        if not left:
            return
        problems.append(vectors.unknown_message(left))
    raise QueryError("\n       ".join(problems), reason="unknown_word")


def _answer(
    asked: dict[str, str], title: str, vectors: WordVectors, found: list[Neighbour], as_json: bool
) -> None:
    if as_json:
        neighbours = [{"word": each.word, "score": round(each.score, 4)} for each in found]
        print_json(asked | {"vectors": vectors.source, "neighbours": neighbours})
        return
    click.echo(f"{title}  ({vectors.source})")
    print_table("", ["score", "word"], [[f"{each.score:.3f}", each.word] for each in found])
