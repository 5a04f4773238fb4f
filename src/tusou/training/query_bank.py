"""Query-bank normalisation, folded into a bundle's towers: images near every query lose that lead.

Some images ("hubs") stand near many queries and crowd out better answers. QB-Norm (Bogolin et al., "Cross
Modal Retrieval with Querybank Normalisation", CVPR 2022, arXiv 2112.12777) takes what an image earns from a
bank of training queries off its score:

    burden(x) = 1/beta log sum over centres c of share(c) exp(beta c x)
    score(q, x) = q x - WEIGHT burden(x)

The bank is clustered, so the sum has CENTERS terms, and a tower computes it itself. One number of the
embedding carries it: every query has LEVEL there, an image minus its burden, centred and scaled to match; the
direction in which the bank's queries differ least is given up for it. Rows stay unit vectors of the same
length, and their inner product ranks as above, in every index and every scorer.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tusou.catalog.durable import dump_json, write_durably
from tusou.encoders.bundle_encoder import OUTPUT, BundleEncoder
from tusou.errors import BundleError
from tusou.models.bundle import Bundle
from tusou.models.manifest import DataSource
from tusou.training.data.decoding import decode_picture
from tusou.training.data.relevance import RelevanceData
from tusou.types import Embeddings

if TYPE_CHECKING:
    import onnx

BETA = 10.0
"""Sharpness of the sum: larger values look at an image's nearest queries only."""

WEIGHT = 0.25
"""Part of the burden that is taken off. All of it gains three points of Success@10 on Flickr8k and harms
single words elsewhere (in the demo library 雪山 found pyramids first); a quarter gains one point."""

CENTERS = 512
"""Clusters of the bank."""

LEVEL = 0.5
"""The number every query carries for images' burden."""

REACH = 0.7
"""Largest such number of an image, either way."""

PICTURES = 256
"""Pictures that set the mean burden."""

_ROUNDS = 20
_BATCH = 1024
_PREFIX = "plain_"


@dataclass(frozen=True, slots=True)
class QueryBank:
    """A clustered bank of queries.

    Attributes:
        centers: (k, dim) unit vectors.
        shares: (k,) share of the queries in each cluster; they sum to 1.
        basis: (dim, dim - 1) orthonormal columns: all directions but the one the queries differ least in.
        mean: Mean burden of a sample of images.
    """

    centers: Embeddings
    shares: npt.NDArray[np.float32]
    basis: Embeddings
    mean: float

    @classmethod
    def fit(cls, queries: Embeddings, images: Embeddings) -> QueryBank:
        """Cluster a bank.

        Args:
            queries: (n, dim) embeddings of training queries, n at least 2.
            images: (m, dim) embeddings of images as they will be searched; they set the mean.
        """
        import faiss

        dim = queries.shape[1]
        clusters = min(CENTERS, len(queries))
        kmeans = faiss.Kmeans(
            dim,
            clusters,
            niter=_ROUNDS,
            spherical=True,
            min_points_per_centroid=1,
            max_points_per_centroid=len(queries),
        )
        kmeans.train(queries)
        _, nearest = kmeans.index.search(queries, 1)
        members = np.bincount(nearest[:, 0], minlength=clusters)
        _, directions = np.linalg.eigh(queries.T.astype(np.float64) @ queries)
        bank = cls(
            centers=kmeans.centroids[members > 0].copy(),
            shares=(members[members > 0] / len(queries)).astype(np.float32),
            basis=np.ascontiguousarray(directions[:, 1:], np.float32),
            mean=0.0,
        )
        return cls(bank.centers, bank.shares, bank.basis, float(bank.burden(images).mean()))

    def burden(self, images: Embeddings) -> npt.NDArray[np.float32]:
        """What each of (n, dim) images earns from the bank, (n,), less the mean."""
        earned: npt.NDArray[np.float32] = np.exp(BETA * images @ self.centers.T) @ self.shares
        burden: npt.NDArray[np.float32] = (np.log(earned) / BETA - self.mean).astype(np.float32)
        return burden


def fold_query_bank(
    bundle: Bundle, data: RelevanceData, output: Path, *, version: str, source: DataSource
) -> None:
    """Write a bundle like another whose embeddings carry the burden of images.

    Args:
        bundle: Verified bundle whose score is the cosine.
        data: Training queries, thousands of them, in every language of the bundle; some of its pictures set
            the mean burden.
        output: Folder to write; made if missing.
        version: Of the new bundle.
        source: Where the data are from, for the manifest.

    Raises:
        BundleError: The bundle has a scorer of its own, or there are fewer than two queries or no picture.
        DataError: A picture cannot be read.
        EncoderError: A tower fails.
    """
    if bundle.manifest.scorer is not None:
        raise BundleError(
            f"bundle {bundle.path} scores with {bundle.manifest.scorer}, which would not know the new rows: "
            "query-bank normalisation is for bundles whose score is the cosine",
            reason="bundle_has_scorer",
        )
    if len(data.queries) < 2 or not data.pictures:
        raise BundleError(
            f"a query bank needs two queries and one picture at least, got {len(data.queries)} and "
            f"{len(data.pictures)}",
            reason="empty_query_bank",
        )
    bank = _fit(BundleEncoder(bundle, threads=2), data)
    output.mkdir(parents=True, exist_ok=True)
    for name in bundle.manifest.files:
        shutil.copyfile(bundle.file(name), output / name)
    spec = bundle.manifest
    _extend(bundle.file(spec.image.file), output / spec.image.file, _image_nodes(bank))
    _extend(bundle.file(spec.text.file), output / spec.text.file, _text_nodes(bank))
    _write_manifest(bundle, output, version, source)


def _fit(encoder: BundleEncoder, data: RelevanceData) -> QueryBank:
    chosen = np.random.default_rng(0).permutation(len(data.pictures))[:PICTURES]
    images = [encoder.encode_images([decode_picture(data.pictures[i])])[0] for i in chosen]
    queries = sorted(set(data.queries))
    parts = [encoder.encode_texts(queries[i : i + _BATCH]) for i in range(0, len(queries), _BATCH)]
    return QueryBank.fit(np.concatenate(parts), np.stack(images))


def _image_nodes(bank: QueryBank) -> _Nodes:
    """Nodes from ``plain_embedding`` to ``embedding`` for images: [sqrt(1 - h²) x', h], h from the burden."""
    slope = -WEIGHT * np.sqrt(1 - LEVEL**2) / LEVEL
    nodes = _Nodes()
    nodes.add("MatMul", [OUTPUT, nodes.weight("centers", BETA * bank.centers.T)], "near")
    nodes.add("Exp", ["near"], "earned")
    nodes.add("MatMul", ["earned", nodes.weight("shares", bank.shares[:, None])], "sum")
    nodes.add("Log", ["sum"], "log")
    nodes.add("Mul", ["log", nodes.weight("slope", [slope / BETA])], "scaled")
    nodes.add("Add", ["scaled", nodes.weight("shift", [-slope * bank.mean])], "open")
    nodes.add("Max", ["open", nodes.weight("low", [-REACH])], "above")
    nodes.add("Min", ["above", nodes.weight("high", [REACH])], "level")
    nodes.add("Mul", ["level", "level"], "square")
    nodes.add("Sub", [nodes.weight("one", [1.0]), "square"], "left")
    nodes.add("Sqrt", ["left"], "length")
    nodes.finish(bank, "length", "level")
    return nodes


def _text_nodes(bank: QueryBank) -> _Nodes:
    """The same for queries: [sqrt(1 - LEVEL²) q', LEVEL]."""
    nodes = _Nodes()
    zeros = np.zeros((len(bank.basis), 1))
    nodes.add("MatMul", [OUTPUT, nodes.weight("zeros", zeros)], "zero")  # a number a row
    nodes.add("Add", ["zero", nodes.weight("constant", [LEVEL])], "level")
    nodes.finish(bank, nodes.weight("length", [np.sqrt(1 - LEVEL**2)]), "level")
    return nodes


class _Nodes:
    """Nodes and weights to put behind a tower."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def add(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> None:
        """Append one node; OUTPUT among the inputs means the tower's own embedding."""
        from onnx import helper

        names = [f"{_PREFIX}{name}" if name == OUTPUT else f"bank_{name}" for name in inputs]
        target = output if output == OUTPUT else f"bank_{output}"
        self.nodes.append(helper.make_node(kind, names, [target], **attributes))

    def weight(self, name: str, values: Any) -> str:
        """Keep a float32 constant; returns its name."""
        from onnx import numpy_helper

        self.weights.append(numpy_helper.from_array(np.asarray(values, np.float32), f"bank_{name}"))
        return name

    def finish(self, bank: QueryBank, length: str, level: str) -> None:
        """Turn the embedding into the basis, bring it to a length, put the level behind it."""
        self.add("MatMul", [OUTPUT, self.weight("basis", bank.basis)], "turned")
        self.add("LpNormalization", ["turned"], "unit", axis=1, p=2)
        self.add("Mul", ["unit", length], "short")
        self.add("Concat", ["short", level], OUTPUT, axis=1)


def _extend(source: Path, target: Path, added: _Nodes) -> None:
    """Write a tower with nodes behind its output."""
    import onnx

    model = onnx.load(source)
    for node in model.graph.node:
        node.output[:] = [_PREFIX + OUTPUT if name == OUTPUT else name for name in node.output]
        node.input[:] = [_PREFIX + OUTPUT if name == OUTPUT else name for name in node.input]
    model.graph.node.extend(added.nodes)
    model.graph.initializer.extend(added.weights)
    onnx.checker.check_model(model)
    onnx.save(model, target)


def _write_manifest(bundle: Bundle, output: Path, version: str, source: DataSource) -> None:
    """The old manifest with new digests; measured figures no longer hold and are left out."""
    manifest = json.loads(bundle.manifest.model_dump_json())
    files = {name: (output / name).read_bytes() for name in bundle.manifest.files}
    manifest |= {
        "version": version,
        "figures": {},
        "sources": [*manifest["sources"], source.model_dump(mode="json")],
        "files": {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for name, content in files.items()
        },
    }
    write_durably(output / "manifest.json", dump_json(manifest))
