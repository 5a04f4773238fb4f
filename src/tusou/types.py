"""The nouns every layer shares: images, rights, queries, candidates, answers. Numpy at most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
"""(height, width, 3) uint8, sRGB, upright."""

Embeddings = npt.NDArray[np.float32]
"""(n, dim) float32, each row L2-normalised."""

Rows = npt.NDArray[np.int64]
"""(n,) index positions; a row is given to one content version of one image and never reused."""

Mask = npt.NDArray[np.bool_]
"""(rows,) True where a row may be returned."""

Language = Literal["zh", "en"]
Orientation = Literal["landscape", "portrait", "square", "panoramic"]
Sort = Literal["relevance", "newest", "popular", "undiscovered"]
Purpose = Literal["commercial", "editorial", "education", "personal"]
Medium = Literal["web", "social", "print", "packaging", "broadcast", "advertising", "internal"]


@dataclass(frozen=True, slots=True)
class License:
    """A licence an image is offered under.

    Attributes:
        code: SPDX-like identifier (``CC-BY-SA-4.0``, ``CC0-1.0``, ``GPL-2.0-or-later``, ``LicenseRef-…``).
        name: Readable name per language.
        url: Where the terms can be read; empty when there is no such page.
        commercial: Commercial use is allowed.
        modification: Derivatives are allowed.
        attribution: The author must be named.
        share_alike: Derivatives must carry the same licence.
    """

    code: str
    name: Mapping[Language, str]
    url: str
    commercial: bool
    modification: bool
    attribution: bool
    share_alike: bool


@dataclass(frozen=True, slots=True)
class Supplier:
    """Who delivers images, and what holds for them unless an image says otherwise.

    Attributes:
        name: Short unique slug (``openclipart``), used in filters and on the command line.
        title: Name shown to people.
        authority: Trust in the source, 0 to 1; a ranking feature.
        license: Licence code assumed where an image brings none; empty for none.
        url: Home page.
        contact: Whom to ask (name, mail).
        terms: Usage terms in free words.
    """

    name: str
    title: str = ""
    authority: float = 0.5
    license: str = ""
    url: str = ""
    contact: str = ""
    terms: str = ""


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a supplier says about one image. Empty means unknown.

    Text of either language may be missing; a source that does not say which language it delivers is
    sorted by language detection. Dates are ISO 8601.
    """

    title_en: str = ""
    title_zh: str = ""
    description_en: str = ""
    description_zh: str = ""
    keywords_en: tuple[str, ...] = ()
    keywords_zh: tuple[str, ...] = ()
    creator: str = ""
    creator_url: str = ""
    credit: str = ""
    copyright: str = ""
    license: str = ""
    license_url: str = ""
    usage_terms: str = ""
    model_release: str = ""
    property_release: str = ""
    source_url: str = ""
    filename: str = ""
    created: str = ""


@dataclass(frozen=True, slots=True)
class Quality:
    """Picture quality measured at ingest.

    Attributes:
        megapixels: Width x height of the original / 1e6.
        sharpness: log1p of the variance of the Laplacian at a fixed short side; 0 is flat.
        exposure: Share of pixels neither crushed to black nor blown to white, 0 to 1.
        contrast: RMS contrast of luma, 0 to 0.5.
        colorfulness: Hasler and Suesstrunk's M, 0 is grey, above about 100 is vivid.
        blockiness: Step at 8 x 8 block borders over the step elsewhere, minus 1; 0 is none.
    """

    megapixels: float
    sharpness: float
    exposure: float
    contrast: float
    colorfulness: float
    blockiness: float


@dataclass(frozen=True, slots=True)
class Swatch:
    """One dominant colour of an image.

    Attributes:
        rgb: sRGB, 0 to 255 each.
        share: Part of the picture it covers, 0 to 1.
    """

    rgb: tuple[int, int, int]
    share: float

    @property
    def hex(self) -> str:
        """The colour as ``#rrggbb``."""
        return "#{:02x}{:02x}{:02x}".format(*self.rgb)


@dataclass(frozen=True, slots=True)
class ImageAnalysis:
    """Everything imaging knows about one image's bytes.

    Attributes:
        sha256: Hex digest of the bytes as delivered.
        format: Sniffed format, lower case (``jpeg``, ``png``, ``webp``, ``gif``, ``tiff``, ``bmp`` …).
        width: Upright width of the original, pixels.
        height: Upright height of the original, pixels.
        frames: Number of frames; 1 for a still.
        thumbnail: JPEG bytes, longest side at most 512 pixels, metadata stripped.
        thumb_hash: ThumbHash, about 25 bytes.
        fingerprint: Perceptual hash, 32 bytes (256 bits); near copies differ in few bits.
        fingerprint_quality: 0 to 100; below 50 the picture is too featureless to compare by fingerprint.
        quality: Quality measures.
        palette: Dominant colours, largest share first.
        warnings: Codes of what was mended or dropped on the way (``truncated_exif`` …).
    """

    sha256: str
    format: str
    width: int
    height: int
    frames: int
    thumbnail: bytes
    thumb_hash: bytes
    fingerprint: bytes
    fingerprint_quality: int
    quality: Quality
    palette: tuple[Swatch, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One supplier's image as the catalog knows it.

    Attributes:
        image_id: Stable, derived from (supplier, item_id); survives re-ingest.
        row: Index position of the present content version; a new one is given when the bytes change.
        supplier: Supplier's name.
        item_id: The supplier's own id of the image, unique within the supplier.
        sha256: Digest of the bytes; images of several suppliers may share one blob.
        byte_size: Size of the original in bytes.
        format: See ImageAnalysis, likewise width to warnings.
        metadata: What the supplier says.
        added: When the image first entered the catalog, UTC.
        updated: When anything of it last changed, UTC.
    """

    image_id: str
    row: int
    supplier: str
    item_id: str
    sha256: str
    byte_size: int
    format: str
    width: int
    height: int
    frames: int
    thumb_hash: bytes
    fingerprint: bytes
    fingerprint_quality: int
    quality: Quality
    palette: tuple[Swatch, ...]
    metadata: Metadata
    added: datetime
    updated: datetime
    warnings: tuple[str, ...] = ()


def orientation_of(width: int, height: int) -> Orientation:
    """Name the shape of a picture: square within 5 %, panoramic from 2:1."""
    ratio = width / height
    if ratio >= 2.0:
        return "panoramic"
    if abs(ratio - 1.0) <= 0.05:
        return "square"
    return "landscape" if ratio > 1.0 else "portrait"


@dataclass(frozen=True, slots=True)
class Range:
    """A closed interval; None leaves that end open."""

    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Filters:
    """What an answer must satisfy, whatever its score. Empty tuples and None filter nothing.

    Values of one field are alternatives; fields are conjunctive.

    Attributes:
        supplier: Supplier names to include.
        exclude_supplier: Supplier names to leave out.
        license: Licence codes.
        license_type: What must be allowed: any of ``commercial``, ``modification`` (all named must hold).
        orientation: Shapes.
        width: Pixels.
        height: Pixels.
        megapixels: Width x height / 1e6.
        color: sRGB colours; an image matches a colour when a dominant colour lies within the tolerance.
            Several colours must all be present.
        color_tolerance: 0 to 100; CIE Lab distance allowed.
        format: Sniffed formats.
        added: Interval of POSIX seconds, when the image entered the library.
    """

    supplier: tuple[str, ...] = ()
    exclude_supplier: tuple[str, ...] = ()
    license: tuple[str, ...] = ()
    license_type: tuple[str, ...] = ()
    orientation: tuple[Orientation, ...] = ()
    width: Range | None = None
    height: Range | None = None
    megapixels: Range | None = None
    color: tuple[tuple[int, int, int], ...] = ()
    color_tolerance: float = 25.0
    format: tuple[str, ...] = ()
    added: Range | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """What somebody wants to do with an image; ``office.uses`` judges whether it may be done.

    Attributes:
        purpose: What for.
        medium: Where it appears; empty when it is not said, which is: anywhere.
        territory: ISO 3166 code of two letters; empty: worldwide.
        until: Last day of the use, ISO 8601; empty: today alone matters.
        modify: The picture is changed.
    """

    purpose: Purpose
    medium: Medium | Literal[""] = ""
    territory: str = ""
    until: str = ""
    modify: bool = False


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the query image, in shares of width and height (0 to 1)."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """One search as a person or program asks for it.

    Attributes:
        q: Words as typed, typed filters (``supplier:``, ``color:`` …) and ``-exclusions`` included.
        image: Bytes of a query picture, or None.
        image_id: A library image as query picture, or None.
        region: Part of the query picture to use.
        mode: ``similar`` ranks by meaning; ``same`` finds copies of the query picture.
        image_weight: Share of the picture in a query of words and picture, 0 to 1.
        filters: Filters chosen outside the box; joined with those typed.
        sort: Order: ``relevance``; ``newest`` by arrival; ``popular`` by clicks over expected examinations,
            normalised per supplier; ``undiscovered``, what was looked at least first.
        lang: Language of the answer's texts, or ``auto``.
        offset: Results to skip.
        limit: Results wanted, 1 to 100.
        explain: Attach an explanation to each hit.
        facets: Count filter values over the matching images.
        relevant_only: Leave out what lies below the cut-off.
        group_copies: Show copies of one picture as one image; the page, the API and the command line ask for
            it, evaluation does not, since judgments are of each image.
        diversity: How far suppliers and creators are mixed, 0 to 1; as the library is set when None.
        use: Leave out what may not be used so.
    """

    q: str = ""
    image: bytes | None = None
    image_id: str | None = None
    region: Region | None = None
    mode: Literal["similar", "same"] = "similar"
    image_weight: float = 0.5
    filters: Filters = field(default_factory=Filters)
    sort: Sort = "relevance"
    lang: Literal["zh", "en", "auto"] = "auto"
    offset: int = 0
    limit: int = 30
    explain: bool = False
    facets: bool = False
    relevant_only: bool = False
    group_copies: bool = False
    diversity: float | None = None
    use: Use | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """An image returned by the recall stage.

    Attributes:
        row: Index position.
        score: Score of the retriever; higher is better, not comparable between retrievers.
        source: Which retriever found it.
    """

    row: int
    score: float
    source: Literal["lexical", "dense"]


@dataclass(frozen=True, slots=True)
class Contribution:
    """One feature's part in a hit's score.

    Attributes:
        feature: Feature name (``dense_similarity``, ``bm25_title`` …).
        value: The feature as measured.
        normalized: The value on the ranker's scale.
        weight: The ranker's weight.
        contribution: weight x normalized; the sum over features is the score.
    """

    feature: str
    value: float
    normalized: float
    weight: float
    contribution: float


@dataclass(frozen=True, slots=True)
class AppliedRule:
    """A manager's rule that had a part in where an image stands; fields as in ``ranking.rules.Rule``."""

    rule_id: int
    kind: Literal["pin", "boost", "bury", "synonym"]
    target: str
    until: datetime | None
    note: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a hit stands where it stands.

    Attributes:
        sources: Retrievers that found it.
        matches: Field name to the query words found in it.
        contributions: Parts of the score, largest first.
        percentile: Share of the other candidates whose learned score (cosine with what was asked) is lower, 0
            to 1; None where no learned score is.
        rules: Manager's rules that moved it.
    """

    sources: tuple[str, ...]
    matches: Mapping[str, tuple[str, ...]]
    contributions: tuple[Contribution, ...]
    percentile: float | None = None
    rules: tuple[AppliedRule, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """One image of an answer.

    Attributes:
        image: The image.
        rank: 1-based place in the whole answer.
        score: Ranker's score; comparable within one answer only.
        explanation: Present when asked for.
        probability: That the image is relevant, 0 to 1; None where it is not known.
        copies: Ids of copies of it the answer leaves out.
    """

    image: ImageRecord
    rank: int
    score: float
    explanation: Explanation | None = None
    probability: float | None = None
    copies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SearchPage:
    """One page of an answer.

    Attributes:
        query_id: Names this answer; joins what people do next to what they saw.
        hits: In order.
        total: Number of images the whole answer holds.
        facets: Field to (value, count) pairs over the relevant set, where that is unknown or empty over the
            whole answer, most frequent first; empty when not asked for.
        notes: Codes of what was done to the query (``only_stop_words``, ``filters_only`` …).
        timings: Stage name to milliseconds.
        explored: Rank to propensity of the hits that exploration put there.
        features: What the ranker saw of the hits, in its own form, for the event log; None when not kept.
        relevant: Number of images above the cut-off; they come first. None where it is not known.
        more_relevant: There are more of them than were recalled.
    """

    query_id: str
    hits: Sequence[Hit]
    total: int
    facets: Mapping[str, Sequence[tuple[str, int]]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    timings: Mapping[str, float] = field(default_factory=dict)
    explored: Mapping[int, float] = field(default_factory=dict)
    features: bytes | None = None
    relevant: int | None = None
    more_relevant: bool = False
