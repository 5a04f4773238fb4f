"""What ``manifest.json`` of a model bundle says (schema 1)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from tusou.types import Language

SCHEMA_VERSION = 1

FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
"""A plain file name: no folder, so that nothing outside the bundle is ever read."""

Template = Annotated[str, StringConstraints(pattern=r"\{\}")]
"""A text in which ``{}`` stands for the words."""

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ImageInput(_Strict):
    """How a picture becomes the input of ``image.onnx``.

    Attributes:
        file: The tower.
        size: Height and width of the input, pixels.
        resize: ``squash`` maps the whole frame to the square, aspect ratio given up, nothing cropped;
            ``shortest_crop`` brings the shortest side to ``size`` and keeps the middle square.
        interpolation: How pixels are weighed (all average what they shrink); ``squash`` knows ``area`` only.
        mean: Subtracted per channel (RGB), on the scale 0 to 255.
        std: Divided by, per channel, same scale.
    """

    file: FileName
    size: int = Field(ge=16, le=1024)
    resize: Literal["squash", "shortest_crop"]
    interpolation: Literal["area", "bilinear", "bicubic"] = "area"
    mean: tuple[float, float, float]
    std: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]]

    @model_validator(mode="after")
    def _squash_averages_areas(self) -> ImageInput:
        if self.resize == "squash" and self.interpolation != "area":
            raise ValueError(f"squash knows interpolation area only, found {self.interpolation}")
        return self


class SentencePieceTokenizer(_Strict):
    """A SentencePiece model.

    Attributes:
        type: Says which kind of tokenizer this is.
        file: The tokenizer's model.
        bos: Id put in front.
        eos: Id put behind.
        pad: Id that fills up shorter texts of a batch; the mask says which tokens count.
        max_tokens: Longest text in tokens, both ends included; the rest is cut off.
        lowercase: Fold case first.
    """

    type: Literal["sentencepiece"]
    file: FileName
    bos: int = Field(ge=0)
    eos: int = Field(ge=0)
    pad: int = Field(ge=0)
    max_tokens: int = Field(ge=3, le=1024)
    lowercase: bool


class WordsTokenizer(_Strict):
    """A list of words, found in texts by the same analysis as in search (simplified, lower case, stemmed).

    Attributes:
        type: Says which kind of tokenizer this is.
        file: UTF-8, one word a line; a word's id is its line, from 0. Line 0 is ``<pad>``, line 1 ``<unk>``.
        max_tokens: Longest text in words; the rest is cut off.
    """

    type: Literal["words"]
    file: FileName
    max_tokens: int = Field(ge=1, le=1024)


class JsonTokenizer(_Strict):
    """A ``tokenizer.json`` of the ``tokenizers`` library (extra ``hub``), as model hubs carry it.

    Only its normaliser, splitter and model are used; ends, length and padding are said here.

    Attributes:
        type: Says which kind of tokenizer this is.
        file: The ``tokenizer.json``.
        bos: Id put in front; None for none.
        eos: Id put behind; None for none.
        pad: Id that fills up shorter texts.
        max_tokens: Longest text in tokens, ends included; the rest is cut off.
        pad_to_max: Fill every text up to ``max_tokens``, for towers that read a fixed length.
        lowercase: Fold case first.
    """

    type: Literal["tokenizers"]
    file: FileName
    bos: Annotated[int, Field(ge=0)] | None
    eos: Annotated[int, Field(ge=0)] | None
    pad: int = Field(ge=0)
    max_tokens: int = Field(ge=3, le=1024)
    pad_to_max: bool
    lowercase: bool


Tokenizer = Annotated[SentencePieceTokenizer | WordsTokenizer | JsonTokenizer, Field(discriminator="type")]
"""How words become ids."""


class TextInput(_Strict):
    """How words become the input of ``text.onnx``.

    Attributes:
        file: The tower.
        tokenizer: Words to ids.
        query_template: Wrapped around a query.
        document_template: Wrapped around an image's own words when those are embedded.
    """

    file: FileName
    tokenizer: Tokenizer
    query_template: Template = "{}"
    document_template: Template = "{}"


class DataSource(_Strict):
    """One thing the model was made from.

    Attributes:
        name: Data set or pre-trained weights.
        license: Terms it came under.
        use: What it was used for.
        url: Where it is from; empty when there is no page.
        sha256: Digest of the file it came as; empty when it was none.
    """

    name: str
    license: str
    use: str
    url: str = ""
    sha256: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")] = ""


class BundleFile(_Strict):
    """Digest and size of one file, so that damage is found before a tower runs."""

    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    bytes: int = Field(ge=0)


class Manifest(_Strict):
    """The whole of ``manifest.json``.

    Attributes:
        schema_version: Always 1 here.
        name: Short name of the bundle.
        version: Of the bundle; together with the name and the manifest's digest it identifies embeddings.
        license: Licence of the bundle as a whole.
        dim: Length of an embedding.
        languages: Languages the text tower understands.
        image: Input of the image tower.
        text: Input of the text tower.
        scorer: Graph that scores candidates from both rows; None when the cosine is the score.
        sources: Weights and data it was made from, with their licences.
        files: Every file but the manifest itself.
        figures: Measured figures by name (``flickr8k_dev_en_text_to_image_success@10``).
    """

    schema_version: Literal[1]
    name: Slug
    version: Slug
    license: str
    dim: int = Field(ge=2, le=4096)
    languages: tuple[Language, ...]
    image: ImageInput
    text: TextInput
    scorer: FileName | None = None
    sources: tuple[DataSource, ...]
    files: dict[FileName, BundleFile]
    figures: dict[str, float] = {}

    @model_validator(mode="after")
    def _towers_are_listed(self) -> Manifest:
        used = (self.image.file, self.text.file, self.text.tokenizer.file, self.scorer)
        for name in filter(None, used):
            if name not in self.files:
                raise ValueError(f"{name} is used but has no digest under files")
        return self
