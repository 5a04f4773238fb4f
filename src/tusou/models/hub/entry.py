"""The nouns of the list of known models: what to fetch and how its graphs are to be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from tusou.types import Language


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of a hub's repository.

    Attributes:
        path: Inside the repository.
        sha256: Digest it must have; empty where none is pinned: the pull then records what it got.
    """

    path: str
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class HubTower:
    """A graph and the names in it.

    Attributes:
        file: The graph; both towers may come out of one file.
        inputs: A bundle's name of each input (``pixels``, ``ids``, ``mask``) to the graph's.
        output: The graph's embedding; other outputs, and what only they need, are left out.
    """

    file: HubFile
    inputs: Mapping[str, str]
    output: str


@dataclass(frozen=True, slots=True)
class ImageRule:
    """Preprocessing of pictures, as ``ImageInput`` of the manifest has it."""

    size: int
    resize: Literal["squash", "shortest_crop"]
    interpolation: Literal["area", "bilinear", "bicubic"]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class TokenRule:
    """Preprocessing of words, as ``JsonTokenizer`` of the manifest has it, special tokens by name.

    Attributes:
        file: The ``tokenizer.json``.
        bos: Token put in front; empty for none.
        eos: Token put behind; empty for none.
        pad: Token that fills up.
        max_tokens: Longest text in tokens, ends included.
        pad_to_max: Whether the tower reads a fixed length.
        lowercase: Fold case first.
    """

    file: HubFile
    bos: str
    eos: str
    pad: str
    max_tokens: int
    pad_to_max: bool
    lowercase: bool = False


@dataclass(frozen=True, slots=True)
class HubModel:
    """A model that can be pulled by name.

    Attributes:
        name: What people type.
        family: Which authors' line it is of.
        repository: ``owner/name`` on the hub; empty where no public export is known.
        revision: Branch or commit.
        license: Terms of the weights.
        restricted: What the licence forbids; empty for an open one. It is then accepted by name only.
        languages: Languages the text tower understands.
        dim: Length of an embedding.
        image: The image tower.
        text: The text tower.
        pixels: Preprocessing of pictures.
        tokens: Preprocessing of words.
        extra: Files that lie beside the graphs (weights kept outside of them).
    """

    name: str
    family: str
    repository: str
    revision: str
    license: str
    languages: tuple[Language, ...]
    dim: int
    image: HubTower
    text: HubTower
    pixels: ImageRule
    tokens: TokenRule
    restricted: str = ""
    extra: tuple[HubFile, ...] = ()

    def files(self) -> tuple[HubFile, ...]:
        """Everything to fetch, each file once."""
        wanted = (self.image.file, self.text.file, self.tokens.file, *self.extra)
        return tuple({file.path: file for file in wanted}.values())

    def elsewhere(self, repository: str) -> HubModel:
        """The same files in another repository, its newest state, without pinned digests."""
        image = replace(self.image, file=HubFile(self.image.file.path))
        text = replace(self.text, file=HubFile(self.text.file.path))
        tokens = replace(self.tokens, file=HubFile(self.tokens.file.path))
        extra = tuple(HubFile(file.path) for file in self.extra)
        return replace(
            self, repository=repository, revision="main", image=image, text=text, tokens=tokens, extra=extra
        )
