"""Put a hub's files together into a bundle."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tusou.errors import BundleError
from tusou.models.bundle import MANIFEST
from tusou.models.hub.convert import convert_tower
from tusou.models.hub.entry import HubModel, TokenRule
from tusou.models.manifest import (
    BundleFile,
    DataSource,
    ImageInput,
    JsonTokenizer,
    Manifest,
    TextInput,
)

IMAGE, TEXT, TOKENIZER = "image.onnx", "text.onnx", "tokenizer.json"


def assemble(model: HubModel, commit: str, digests: Mapping[str, str], downloads: Path, target: Path) -> None:
    """Convert the towers, copy the tokenizer and describe everything.

    Args:
        model: What was pulled.
        commit: Of the hub's repository.
        digests: SHA-256 of each file as fetched, by path.
        downloads: Folder the files were fetched to, under their paths.
        target: Empty folder the bundle is written to.

    Raises:
        BundleError: A file is not what the entry says.
    """
    convert_tower(downloads / model.image.file.path, model.image, target / IMAGE)
    convert_tower(downloads / model.text.file.path, model.text, target / TEXT)
    shutil.copyfile(downloads / model.tokens.file.path, target / TOKENIZER)
    manifest = Manifest(
        schema_version=1,
        name=model.name,
        version=f"hub-{commit[:8].lower()}",
        license=model.license,
        dim=model.dim,
        languages=model.languages,
        image=ImageInput(
            file=IMAGE,
            size=model.pixels.size,
            resize=model.pixels.resize,
            interpolation=model.pixels.interpolation,
            mean=model.pixels.mean,
            std=model.pixels.std,
        ),
        text=TextInput(file=TEXT, tokenizer=_tokenizer(target / TOKENIZER, model.tokens)),
        sources=tuple(
            DataSource(
                name=f"{model.family}: {model.repository} at {commit}, {path}",
                license=model.license,
                use="pulled and converted by tusou",
                sha256=digest,
            )
            for path, digest in digests.items()
        ),
        files={name: _described(target / name) for name in (IMAGE, TEXT, TOKENIZER)},
    )
    (target / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _tokenizer(path: Path, rule: TokenRule) -> JsonTokenizer:
    """The manifest's entry, special tokens looked up in the file itself."""
    try:
        listed = _tokens(json.loads(path.read_bytes()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BundleError(f"{path} is no tokenizer.json: {error!r}", reason="bundle_tokenizer") from error
    missing = [token for token in (rule.bos, rule.eos, rule.pad) if token and token not in listed]
    if missing:
        raise BundleError(
            f"{path}: expected the tokens {', '.join(missing)}, found {len(listed):,} others; the hub holds "
            "another tokenizer than tusou knows",
            reason="bundle_tokenizer",
        )
    return JsonTokenizer(
        type="tokenizers",
        file=path.name,
        bos=listed[rule.bos] if rule.bos else None,
        eos=listed[rule.eos] if rule.eos else None,
        pad=listed[rule.pad],
        max_tokens=rule.max_tokens,
        pad_to_max=rule.pad_to_max,
        lowercase=rule.lowercase,
    )


def _tokens(document: dict[str, Any]) -> dict[str, int]:
    """Ids of all tokens: of the model (a table, or a list in order) and of those added to it."""
    vocabulary = document["model"]["vocab"]
    if isinstance(vocabulary, list):
        vocabulary = {token: i for i, (token, _) in enumerate(vocabulary)}
    return {**vocabulary, **{added["content"]: added["id"] for added in document.get("added_tokens", [])}}


def _described(path: Path) -> BundleFile:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return BundleFile(sha256=digest, bytes=path.stat().st_size)
