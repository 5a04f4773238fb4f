"""Every known model, as a tiny repository of the same layout, is pulled through the CLI and searches."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hub_server import COMMIT, Hub
from tiny_models import tiny_repository

from fakes import solid
from search_builders import World, ask, items
from tusou.cli.main import cli
from tusou.encoders.bundle_encoder import BundleEncoder, open_encoder
from tusou.models.hub.known import KNOWN, known_model

NAMES = [model.name for model in KNOWN]
COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}
WORDS = {"en": ("red", "green", "a blue car"), "zh": ("红", "绿色", "蓝色的汽车")}


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with Hub({f"our/{name}": tiny_repository(name) for name in NAMES}) as running:
        yield running


def pull_tiny(hub: Hub, name: str, *arguments: object) -> Result:
    license_name = known_model(name, f"our/{name}").license
    options = ["--hub", hub.address, "--repository", f"our/{name}", "--yes", "--accept-license", license_name]
    return CliRunner().invoke(cli, ["models", "pull", name, *options, *map(str, arguments)])


@pytest.fixture(scope="module")
def pulled(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> dict[str, BundleEncoder]:
    folder = tmp_path_factory.mktemp("pulled")
    encoders = {}
    for name in NAMES:
        result = pull_tiny(hub, name, "--output", folder / name)
        assert result.exit_code == 0, (result.output, result.exception)
        encoders[name] = open_encoder(folder / name)
    assert sorted(path.name for path in folder.iterdir()) == sorted(NAMES)  # nothing half done is left
    return encoders


@pytest.mark.parametrize("name", NAMES)
def test_words_find_their_colour(pulled: dict[str, BundleEncoder], name: str) -> None:
    encoder = pulled[name]
    pictures = encoder.encode_images([solid(color, 300, 400) for color in COLOURS.values()])
    np.testing.assert_allclose(pictures[:, :3], np.eye(3), atol=1e-4)  # the normalisation is the family's own
    for language in known_model(name, "our/copy").languages:
        scores = encoder.encode_texts(WORDS[language]) @ pictures.T
        assert scores.argmax(axis=1).tolist() == [0, 1, 2]
        assert (np.sort(scores, axis=1)[:, -1] > 0.9).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_equals_single_calls(pulled: dict[str, BundleEncoder], name: str) -> None:
    texts = ["red", "a red and a blue car on a beach", "蓝色的汽车", "green " * 200]
    batch = open_encoder(pulled[name].bundle.path).encode_texts(texts)
    single = [open_encoder(pulled[name].bundle.path).encode_texts([text])[0] for text in texts]
    np.testing.assert_allclose(batch, np.array(single), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "folds"),
    [
        ("siglip2-b16-224", True),
        ("mobileclip2-s0", True),
        ("xlmr-clip-b32", False),
        ("chinese-clip-b16", True),
    ],
)
def test_case_is_folded_where_the_family_folds_it(
    pulled: dict[str, BundleEncoder], name: str, folds: bool
) -> None:
    small, large = pulled[name].encode_texts(["green car", "GREEN CAR"])
    assert (float(small @ large) > 0.9999) == folds


@pytest.mark.parametrize("name", NAMES)
def test_the_manifest_says_where_it_is_from(pulled: dict[str, BundleEncoder], name: str) -> None:
    manifest = pulled[name].bundle.manifest
    assert manifest.version == f"hub-{COMMIT[:8]}"
    assert manifest.license == known_model(name, "our/copy").license
    assert len(manifest.sources) == len(tiny_repository(name))
    assert all(source.sha256 and COMMIT in source.name for source in manifest.sources)


def test_cropping_families_crop_and_squashing_families_squash(pulled: dict[str, BundleEncoder]) -> None:
    """Red at both ends of a wide picture: a centre crop sees little of it."""
    picture = np.concatenate([solid((255, 0, 0)), solid((0, 0, 255)), solid((255, 0, 0))], axis=1)
    seen = {name: encoder.encode_images([picture])[0, 0] for name, encoder in pulled.items()}
    cropping = {name for name, red in seen.items() if red < 0.1}
    assert cropping == {"xlmr-clip-b32", "mobileclip2-s0", "mobileclip2-s2"}


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("siglip2-b16-224", "绿色的狗"),
        ("chinese-clip-b16", "绿色的狗"),
        ("xlmr-clip-b32", "a green dog"),
        ("mobileclip2-s0", "a green dog"),
    ],
)
def test_a_real_search_finds_pictures_without_a_word(
    pulled: dict[str, BundleEncoder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, query: str
) -> None:
    monkeypatch.setattr("search_builders.KeywordEncoder", lambda: pulled[name])
    world = World(tmp_path)
    world.add_many([(solid(color), {"item_id": colour}) for colour, color in COLOURS.items()])
    page = ask(world.engine(), query)
    world.close()
    assert items(page)[0] == "green"


def test_without_output_it_is_installed(hub: Hub, tmp_path: Path) -> None:
    result = pull_tiny(hub, "mobileclip2-s0", "--json", "--models", tmp_path / "models")
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert Path(said["path"]) == tmp_path / "models" / "mobileclip2-s0" / f"hub-{COMMIT[:8]}"
    assert open_encoder(said["path"]).model_id == said["model_id"]
    assert [path.name for path in (tmp_path / "models").iterdir() if path.name.startswith(".pull")] == []


def test_two_pulls_make_one_model(hub: Hub, tmp_path: Path) -> None:
    for place in ("one", "two"):
        assert pull_tiny(hub, "xlmr-clip-b32", "--output", tmp_path / place).exit_code == 0
    assert open_encoder(tmp_path / "one").model_id == open_encoder(tmp_path / "two").model_id
