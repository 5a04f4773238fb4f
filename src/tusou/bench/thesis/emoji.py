"""World A: scenes composed of emoji drawings in four styles, with Chinese and English names.

Three styles are seen in training, the fourth only in the test, in compositions nobody trained on. Truth is
exact, since the scenes are made from it. The drawings come from npm packages, each under its own licence:
Noto (Apache-2.0) and Twemoji (CC-BY-4.0) as emoji-datasource packs them, Fluent 3D (MIT), OpenMoji
(CC-BY-SA-4.0); names from emojibase-data (MIT, after Unicode CLDR).
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from tusou.bench.thesis.measuring import embedded, measured_quality, nearest, texts_of
from tusou.bench.thesis.scores import score_cca, score_ranknet, score_shipped
from tusou.bench.thesis.world import TEST_QUERIES, TRAIN_QUERIES, Deep, Query, World, split_queries
from tusou.encoders.base import Encoder
from tusou.errors import EvaluationError
from tusou.types import Embeddings, Pixels

PACKAGES = {
    "emoji-datasource-google@16.0.0": "img/google/64/",
    "emoji-datasource-twitter@16.0.0": "img/twitter/64/",
    "@lobehub/fluent-emoji-3d@1.1.0": "assets/",
    "openmoji@17.0.0": "color/svg/",
    "emojibase-data@17.0.0": "",
}
"""npm packages, and where their drawings are."""

STYLES = tuple(PACKAGES)[:4]
TRAINED, HELD_OUT = STYLES[:3], STYLES[3]
NAMES = "emojibase-data@17.0.0"
GROUPS = (3, 4, 5, 6, 7)
"""Animals, food, travel, activities, objects: what can be pictured."""

CONCEPTS, ABSENT = 400, 40
"""Concepts, and those of them no test scene holds: what is asked of them has no answer."""

TRAIN_SCENES, TEST_SCENES = 6000, 3000
SIDE, SPRITE = 224, 128
BACKGROUNDS: Mapping[str, tuple[str, tuple[int, int, int]]] = {
    "white": ("白色", (245, 245, 245)),
    "red": ("红色", (200, 60, 50)),
    "green": ("绿色", (90, 160, 80)),
    "blue": ("蓝色", (70, 110, 200)),
    "yellow": ("黄色", (240, 210, 90)),
    "black": ("黑色", (40, 40, 40)),
    "pink": ("粉色", (240, 170, 190)),
    "grey": ("灰色", (150, 150, 150)),
}
DEGRADED, DEGRADED_APPEAL = 0.3, 0.6
"""Share of blurred scenes, and how much less they are clicked."""

Names = tuple[str, str]
Scene = tuple[tuple[int, ...], str]
"""Objects, the main one first, and the background's name."""


def fetch_packages(folder: Path) -> None:
    """Bring the packages with npm, unless they are there.

    Raises:
        EvaluationError: There is no npm, or it cannot bring a package.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for package, drawings in PACKAGES.items():
        place = folder / _folder_name(package)
        if place.exists():
            continue
        npm = shutil.which("npm")
        if npm is None:
            raise EvaluationError(
                "world A is drawn from npm packages and there is no npm here: install Node.js, or leave "
                "world A out with --world photos",
                reason="no_npm",
            )
        made = subprocess.run(
            [npm, "pack", "--silent", package], cwd=folder, capture_output=True, text=True, check=False
        )
        if made.returncode:
            raise EvaluationError(f"npm cannot bring {package}: {made.stderr.strip()}", reason="no_package")
        archive = folder / made.stdout.split()[-1]
        _unpack(archive, drawings, place)
        archive.unlink()


def _unpack(archive: Path, drawings: str, place: Path) -> None:
    wanted = f"package/{drawings}"
    unfinished = place.with_name(place.name + ".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    with tarfile.open(archive) as files:
        members = [member for member in files if member.isfile() and member.name.startswith(wanted)]
        files.extractall(unfinished, members, filter="data")
    unfinished.rename(place)


def _folder_name(package: str) -> str:
    return package.replace("/", "-").replace("@", "-").strip("-")


class Drawings:
    """Every concept's drawing in every style.

    Attributes:
        names: (en, zh) per concept.
    """

    def __init__(self, folder: Path) -> None:
        """Choose the concepts that all styles draw; always the same ones.

        Args:
            folder: Where fetch_packages put them.
        """
        known = {lang: _names(folder, lang) for lang in ("en", "zh")}
        self._files = {style: _drawings(folder, style) for style in STYLES}
        drawn = sorted(
            code
            for code, (_, group) in known["en"].items()
            if group in GROUPS
            and code in known["zh"]
            and all(code in files for files in self._files.values())
        )
        chosen = np.sort(np.random.default_rng(0).choice(len(drawn), CONCEPTS, replace=False))
        self._codes = [drawn[i] for i in chosen]
        self.names: tuple[Names, ...] = tuple(
            (known["en"][code][0], known["zh"][code][0]) for code in self._codes
        )
        self._sprites: dict[tuple[str, int], Image.Image] = {}

    def scene(self, style: str, scene: Scene, rng: np.random.Generator) -> Image.Image:
        """Draw a scene: the main object large, the others small and over it."""
        objects, background = scene
        canvas = Image.new("RGB", (SIDE, SIDE), BACKGROUNDS[background][1])
        for place, concept in enumerate(objects):
            size = int(rng.integers(110, 160) if place == 0 else rng.integers(48, 80))
            sprite = self._sprite(style, concept).resize((size, size))
            x, y = rng.integers(0, SIDE - size, 2).tolist()
            canvas.paste(sprite, (x, y), sprite)
        return canvas

    def _sprite(self, style: str, concept: int) -> Image.Image:
        key = (style, concept)
        if key not in self._sprites:
            path = self._files[style][self._codes[concept]]
            self._sprites[key] = _opened(path).convert("RGBA").resize((SPRITE, SPRITE))
        return self._sprites[key]


def _opened(path: Path) -> Image.Image:
    if path.suffix == ".svg":
        import resvg_py

        return Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_path=str(path), width=SPRITE))))
    return Image.open(path)


def _names(folder: Path, lang: str) -> dict[str, tuple[str, int]]:
    path = folder / _folder_name(NAMES) / "package" / lang / "data.json"
    return {
        _code(each["hexcode"]): (each["label"], each.get("group", -1))
        for each in json.loads(path.read_text("utf-8"))
    }


def _drawings(folder: Path, style: str) -> dict[str, Path]:
    place = folder / _folder_name(style) / "package" / PACKAGES[style]
    return {_code(path.stem): path for path in place.iterdir()}


def _code(hexcode: str) -> str:
    return "-".join(part for part in hexcode.lower().split("-") if part != "fe0f")


def draw_scenes(count: int, concepts: Sequence[int], rng: np.random.Generator) -> list[Scene]:
    """What so many scenes hold: one to four different concepts and a background."""
    colors = list(BACKGROUNDS)
    return [
        (
            tuple(rng.choice(concepts, int(rng.integers(1, 5)), replace=False).tolist()),
            colors[int(rng.integers(len(colors)))],
        )
        for _ in range(count)
    ]


def ask(names: Names, lang: str, background: str | None) -> str:
    """The words of a query for a concept, on a background or anywhere."""
    if lang == "en":
        return names[0] if background is None else f"{names[0]} on a {background} background"
    return names[1] if background is None else f"{BACKGROUNDS[background][0]}背景的{names[1]}"


def emoji_world(folder: Path, encoder: Encoder, seed: int) -> World:
    """Make the world.

    Args:
        folder: The packages.
        encoder: Its towers are the frozen features everything is learnt on.
        seed: Of scenes, queries and training.
    """
    rng, drawings = np.random.default_rng(seed), Drawings(folder)
    present = np.sort(rng.permutation(CONCEPTS)[ABSENT:])
    trained, training = _training(drawings, encoder, rng)
    scenes, pictures, poor = _test(drawings, present.tolist(), rng)
    queries, grades = _queries(drawings.names, scenes, present, rng)
    absent = np.setdiff1d(np.arange(CONCEPTS), present)
    unanswerable = [ask(drawings.names[c], "en" if i % 2 else "zh", None) for i, c in enumerate(absent)]
    others = (
        texts_of(encoder, [query.q for query in queries]),
        embedded(encoder, pictures),
        texts_of(encoder, unanswerable),
    )
    train, test = split_queries(len(queries), rng)
    popularity = rng.permutation(1 / np.arange(1, CONCEPTS + 1) ** 0.5)
    return World(
        name="emoji",
        concepts=drawings.names,
        truth=_holds(scenes),
        confusable=_confusable(encoder, drawings, trained, training),
        popularity=popularity / popularity.sum(),
        queries=queries,
        train=train,
        test=test,
        grades=grades,
        deep=_scores(_pairs(encoder, drawings.names, trained, training), others, seed),
        stored={**measured_quality(pictures), "authority": rng.random(TEST_SCENES)},
        appeal=np.where(poor, DEGRADED_APPEAL, 1.0),
    )


def _training(
    drawings: Drawings, encoder: Encoder, rng: np.random.Generator
) -> tuple[list[Scene], Embeddings]:
    """Scenes of all concepts in the three trained styles, and their embeddings."""
    scenes = draw_scenes(TRAIN_SCENES, range(CONCEPTS), rng)
    styles = rng.integers(len(TRAINED), size=TRAIN_SCENES)
    drawn = (
        np.asarray(drawings.scene(TRAINED[style], scene, rng))
        for style, scene in zip(styles, scenes, strict=True)
    )
    return scenes, embedded(encoder, drawn)


def _test(
    drawings: Drawings, present: Sequence[int], rng: np.random.Generator
) -> tuple[list[Scene], list[Pixels], np.ndarray]:
    """Scenes in the held-out style, their pictures, and which of them are blurred."""
    scenes = draw_scenes(TEST_SCENES, present, rng)
    poor = rng.random(TEST_SCENES) < DEGRADED
    pictures = [
        _degraded(drawings.scene(HELD_OUT, scene, rng), bad) for scene, bad in zip(scenes, poor, strict=True)
    ]
    return scenes, pictures, poor


def _scores(
    pairs: tuple[Embeddings, Embeddings, np.ndarray], others: tuple[Embeddings, ...], seed: int
) -> dict[str, Deep]:
    return {
        "cca": score_cca(pairs, others),
        "ranknet-1": score_ranknet(pairs, others, 1.0, seed),
        "ranknet-5": score_ranknet(pairs, others, 5.0, seed),
        "shipped": score_shipped(pairs, others),
    }


def _holds(scenes: Sequence[Scene]) -> np.ndarray:
    """(scenes, CONCEPTS) which concepts each scene holds."""
    holds = np.zeros((len(scenes), CONCEPTS), bool)
    for row, (objects, _) in enumerate(scenes):
        holds[row, list(objects)] = True
    return holds


def _queries(
    names: Sequence[Names], scenes: Sequence[Scene], present: np.ndarray, rng: np.random.Generator
) -> tuple[tuple[Query, ...], np.ndarray]:
    """Queries for different concepts, one in three on a background, languages in turn; and their grades.

    Grade 2 is the main object (on the background, if one is asked for), 1 any other that holds the object.
    """
    count = TRAIN_QUERIES + TEST_QUERIES
    main = np.array([objects[0] for objects, _ in scenes])
    backgrounds = np.array([background for _, background in scenes])
    queries, grades, holds = [], [], _holds(scenes)
    for number, concept in enumerate(rng.choice(present, count, replace=False).tolist()):
        lang, visual = ("en", "zh")[number % 2], number % 3 == 0
        of_concept = np.flatnonzero(main == concept)
        background = str(backgrounds[rng.choice(of_concept)]) if visual and len(of_concept) else None
        best = (main == concept) & ((backgrounds == background) if background else True)
        queries.append(Query(ask(names[concept], lang, background), lang, compound=background is not None))
        grades.append(np.where(best, 2, holds[:, concept].astype(np.int64)))
    return tuple(queries), np.stack(grades)


def _pairs(
    encoder: Encoder, names: Sequence[Names], scenes: Sequence[Scene], images: Embeddings
) -> tuple[Embeddings, Embeddings, np.ndarray]:
    """Four texts for each training scene: its main object with and without the background, both languages."""
    texts = [
        ask(names[objects[0]], lang, color)
        for objects, background in scenes
        for lang in ("en", "zh")
        for color in (None, background)
    ]
    distinct = list(dict.fromkeys(texts))
    place = {text: i for i, text in enumerate(distinct)}
    encoded = texts_of(encoder, distinct)
    return images, encoded[[place[text] for text in texts]], np.repeat(np.arange(len(scenes)), 4)


def _confusable(
    encoder: Encoder, drawings: Drawings, scenes: Sequence[Scene], images: Embeddings
) -> np.ndarray:
    """Five concepts whose training scenes look most alike, and five whose names mean nearly the same."""
    main = np.array([objects[0] for objects, _ in scenes])
    looks = np.stack([images[main == concept].mean(axis=0) for concept in range(CONCEPTS)])
    means = texts_of(encoder, [en for en, _ in drawings.names]) + texts_of(
        encoder, [zh for _, zh in drawings.names]
    )
    return np.concatenate([nearest(looks - looks.mean(axis=0)), nearest(means - means.mean(axis=0))], axis=1)


def _degraded(scene: Image.Image, bad: bool) -> Pixels:
    return np.asarray(scene.filter(ImageFilter.GaussianBlur(2.0)) if bad else scene)
