"""Run a bundle's towers with ONNX Runtime: words and pictures to embeddings."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import Lock

import numpy as np
import numpy.typing as npt
import onnxruntime

from tusou.config import load_config
from tusou.encoders.preprocess import pixel_tensor
from tusou.encoders.tokenizers import open_tokenizer
from tusou.encoders.tokenizers_base import TokenReader
from tusou.errors import BundleError, EncoderError
from tusou.models.bundle import Bundle
from tusou.models.registry import Registry, models_folder
from tusou.types import Embeddings, Pixels

IMAGE_BATCH = 8
"""Pictures per run: larger batches only take more memory (activations leave the cache)."""

TEXT_BATCH = 64
"""Texts per run."""

NORM_TOLERANCE = 1e-3
"""How far the norm of an embedding may be from 1."""

IMAGE_INPUTS = ("pixels",)
TEXT_INPUTS = ("ids", "mask")
SCORER_INPUTS = ("query", "image")
OPTIONAL_INPUTS = frozenset({"mask"})
OUTPUT = "embedding"
"""Names in a bundle's graphs."""

CACHED_TEXTS = 4096
"""Texts whose embeddings are kept; at 256 dimensions about 5 MB."""


class BundleEncoder:
    """Both towers of a bundle; implements ``encoders.base.Encoder``.

    A tower is loaded on its first use, so text-only work never reads the image tower. Embeddings of recent
    texts are kept: a page of results, a facet click and the next page ask for the same words. Safe to use
    from several threads; do not carry it across a fork, open it in the child.

    Attributes:
        bundle: Where the towers come from.
        model_id: Keeps embeddings of different models apart.
        dim: Length of an embedding.
    """

    def __init__(self, bundle: Bundle, *, threads: int = 1) -> None:
        """Prepare a bundle; nothing is loaded yet.

        Args:
            bundle: Verified bundle.
            threads: Threads inside one run; processes scale better (see docs/concepts/bundle.md).
        """
        self.bundle = bundle
        self.model_id = bundle.model_id
        self.dim = bundle.dim
        self._threads = threads
        self._sessions: dict[str, onnxruntime.InferenceSession] = {}
        self._reader: TokenReader | None = None
        self._recent: OrderedDict[str, Embeddings] = OrderedDict()
        self._lock = Lock()

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        """Embed sentences or single words; returns (n, dim) float32, L2-normalised.

        Raises:
            EncoderError: The tower failed or gave something else than finite unit vectors.
        """
        known = self._recall(texts)
        unknown = sorted({text for text in texts if text not in known})
        for text, embedding in zip(unknown, self._run_texts(unknown), strict=True):
            known[text] = embedding
        self._remember({text: known[text] for text in unknown})
        return _stack((known[text] for text in texts), self.dim)

    def encode_images(self, pixels: Sequence[Pixels]) -> Embeddings:
        """Embed upright sRGB pictures of any size; returns (n, dim) float32, L2-normalised.

        Raises:
            EncoderError: A picture is not (height, width, 3) uint8, or the tower failed.
        """
        for i, picture in enumerate(pixels):
            if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
                raise EncoderError(
                    f"picture {i}: expected (height, width, 3) uint8, got {picture.shape} {picture.dtype}",
                    reason="bad_pixels",
                )
        spec = self.bundle.manifest.image
        size = self._batch_size(spec.file, IMAGE_BATCH) if len(pixels) else IMAGE_BATCH
        batches = (
            self._run(spec.file, {"pixels": pixel_tensor(pixels[i : i + size], spec)})
            for i in range(0, len(pixels), size)
        )
        return _stack((row for batch in batches for row in batch), self.dim)

    @property
    def has_scorer(self) -> bool:
        """Whether the bundle scores candidates with a network of its own instead of the cosine."""
        return self.bundle.manifest.scorer is not None

    def score(self, query: Embeddings, images: Embeddings) -> npt.NDArray[np.float32]:
        """What the bundle's scorer says of one query with images, (n,); higher is better.

        Args:
            query: (dim,) embedding of the words.
            images: (n, dim) embeddings of the images.

        Raises:
            EncoderError: The bundle has no scorer, or it failed or gave something else than n finite numbers.
        """
        file = self.bundle.manifest.scorer
        if file is None:
            raise EncoderError(
                f"{self.bundle.path} has no scorer: its score is the cosine", reason="no_scorer"
            )
        session = self._session(file)
        inputs = {"query": np.ascontiguousarray(np.broadcast_to(query, images.shape)), "image": images}
        try:
            (scores,) = session.run(["score"], inputs)
        except Exception as error:  # ONNX Runtime raises bare RuntimeError subclasses of its own
            raise EncoderError(f"{self.bundle.file(file)} failed: {error}") from error
        found: npt.NDArray[np.float32] = np.asarray(scores, np.float32).reshape(-1)
        if found.shape != (len(images),) or not np.isfinite(found).all():
            raise EncoderError(
                f"{self.bundle.file(file)}: expected {len(images)} finite scores, got {found.shape}"
            )
        return found

    def _run_texts(self, texts: Sequence[str]) -> Embeddings:
        """Embed texts in batches of similar length, so that little is padded."""
        if not texts:
            return _stack((), self.dim)
        spec = self.bundle.manifest.text
        reader = self._token_reader()
        rows = [reader.ids(spec.query_template.replace("{}", text)) for text in texts]
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        embeddings = np.empty((len(rows), self.dim), dtype=np.float32)
        size = self._batch_size(spec.file, TEXT_BATCH)
        for start in range(0, len(order), size):
            chosen = order[start : start + size]
            ids, mask = reader.batch([rows[i] for i in chosen])
            embeddings[chosen] = self._run(spec.file, {"ids": ids, "mask": mask})
        return embeddings

    def _run(self, file: str, inputs: dict[str, np.ndarray]) -> Embeddings:
        session = self._session(file)
        read = {entry.name for entry in session.get_inputs()}  # a text tower may do without the mask
        try:
            (output,) = session.run([OUTPUT], {name: inputs[name] for name in read})
        except Exception as error:  # ONNX Runtime raises bare RuntimeError subclasses of its own
            raise EncoderError(f"{self.bundle.file(file)} failed: {error}") from error
        embeddings: Embeddings = output
        expected = (len(next(iter(inputs.values()))), self.dim)
        if embeddings.shape != expected:
            raise EncoderError(f"{self.bundle.file(file)}: expected {expected}, got {embeddings.shape}")
        norms = np.linalg.norm(embeddings, axis=1)
        if not (np.abs(norms - 1) < NORM_TOLERANCE).all():  # NaN fails this as well
            raise EncoderError(f"{self.bundle.file(file)}: expected unit embeddings, got norms {norms}")
        return embeddings

    def _session(self, file: str) -> onnxruntime.InferenceSession:
        with self._lock:
            if file not in self._sessions:
                session, manifest = open_session(self.bundle.file(file), self._threads), self.bundle.manifest
                if file == manifest.scorer:
                    check_names(session, self.bundle.file(file), SCORER_INPUTS, "score")
                else:
                    wanted = IMAGE_INPUTS if file == manifest.image.file else TEXT_INPUTS
                    check_names(session, self.bundle.file(file), wanted)
                self._sessions[file] = session
            return self._sessions[file]

    def _batch_size(self, file: str, usual: int) -> int:
        """Rows per run: 1 for a tower that was exported for one."""
        return 1 if self._session(file).get_inputs()[0].shape[0] == 1 else usual

    def _token_reader(self) -> TokenReader:
        with self._lock:
            if self._reader is None:
                tokenizer = self.bundle.manifest.text.tokenizer
                self._reader = open_tokenizer(self.bundle.file(tokenizer.file), tokenizer)
            return self._reader

    def _recall(self, texts: Sequence[str]) -> dict[str, Embeddings]:
        with self._lock:
            known = {text: self._recent[text] for text in texts if text in self._recent}
            for text in known:
                self._recent.move_to_end(text)
            return known

    def _remember(self, embeddings: dict[str, Embeddings]) -> None:
        with self._lock:
            self._recent.update(embeddings)
            while len(self._recent) > CACHED_TEXTS:
                self._recent.popitem(last=False)


def open_encoder(name_or_path: str | Path, *, threads: int = 1) -> BundleEncoder:
    """Verify a bundle and make its encoder.

    Args:
        name_or_path: ``name``, ``name@version`` or folder, see Registry.resolve.
        threads: Threads inside one run.

    Raises:
        BundleError: The bundle is missing, incomplete or altered.
    """
    registry = Registry(models_folder(load_config().models))
    return BundleEncoder(registry.load(name_or_path), threads=threads)


def open_session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    """Load one tower.

    Raises:
        BundleError: ONNX Runtime cannot read it.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Spinning threads take the core from the processes next door (decoding, other encoders).
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own exceptions share no public base but Exception
        raise BundleError(
            f"{path} is no tower this ONNX Runtime can run: {error}", reason="bundle_tower"
        ) from error


def check_names(
    session: onnxruntime.InferenceSession, path: Path, inputs: Sequence[str], output: str = OUTPUT
) -> None:
    """Refuse a tower whose inputs or output have other names than a bundle's.

    Args:
        session: The loaded tower.
        path: Its file, for the message.
        inputs: Names it may have; all but ``mask`` are required.
        output: Name of what it gives.

    Raises:
        BundleError: Names differ.
    """
    found = [entry.name for entry in session.get_inputs()]
    outputs = [entry.name for entry in session.get_outputs()]
    required = set(inputs) - OPTIONAL_INPUTS
    if not required <= set(found) <= set(inputs) or output not in outputs:
        raise BundleError(
            f"{path}: expected inputs {', '.join(inputs)} and output {output}, found inputs "
            f"{', '.join(found)} and outputs {', '.join(outputs)}; export it again with these names",
            reason="bundle_tower",
        )


def _stack(rows: Iterable[Embeddings], dim: int) -> Embeddings:
    return np.array(list(rows), dtype=np.float32).reshape(-1, dim)
