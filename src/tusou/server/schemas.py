"""What the API answers with, as OpenAPI describes it. The item mirrors tusou.search.item."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from tusou.types import Orientation


class Tag(BaseModel):
    """A keyword."""

    name: str
    accuracy: float | None = Field(default=None, description="How sure it is, 0 to 1; null when nobody said.")


class PaletteColor(BaseModel):
    """A dominant colour."""

    color: str = Field(description="`#rrggbb`.")
    share: float = Field(description="Part of the picture it covers, 0 to 1.")


class Urls(BaseModel):
    """Where the picture can be loaded, largest first."""

    raw: str = Field(description="The original; handed out with `?license=` and the id of a grant alone.")
    full: str = Field(description="Preview, longest side up to 2048 pixels.")
    regular: str = Field(description="Preview, longest side up to 1280 pixels.")
    small: str = Field(description="Thumbnail, longest side up to 512 pixels.")
    thumb: str = Field(description="The same thumbnail.")


class Contribution(BaseModel):
    """One feature's part in a score."""

    feature: str
    value: float | None = Field(description="The feature as measured; null when unknown.")
    normalized: float = Field(description="The value on the ranker's scale.")
    weight: float
    contribution: float = Field(description="weight x normalized; the sum over features is the score.")


class AppliedRule(BaseModel):
    """A manager's rule that moved an item."""

    rule_id: int
    kind: Literal["pin", "boost", "bury", "synonym"]
    until: str | None = Field(description="When it ends, ISO 8601; null when it does not.")
    note: str = Field(description="Why it was made.")


class Explanation(BaseModel):
    """Why an item stands where it stands."""

    sources: list[str] = Field(
        description="What found it: `lexical`, `dense`; `pin` for a pinned item, `explore` for one that "
        "was given its place to learn whether it fits."
    )
    matches: dict[str, list[str]] = Field(description="Field name to the query's words found in it.")
    contributions: list[Contribution] = Field(description="Parts of the score, largest first.")
    percentile: float | None = Field(
        ge=0,
        le=1,
        description="Share of the other candidates less like what was asked; null without a learned score.",
    )
    rules: list[AppliedRule] = Field(description="Manager's rules that moved it.")


class Image(BaseModel):
    """One image with everything shown of it. Texts are empty when the supplier gave none."""

    id: str = Field(description="Stable; survives re-ingest.")
    title: str = Field(description="In the answer's language, else in the other one.")
    description: str
    alt_description: str = Field(description="A short text for people who cannot see the picture.")
    tags: list[Tag]
    width: int = Field(description="Pixels, upright.")
    height: int = Field(description="Pixels, upright.")
    megapixels: float
    orientation: Orientation
    format: str = Field(description="Sniffed from the bytes.")
    byte_size: int
    color: str | None = Field(description="The most dominant colour, `#rrggbb`.")
    palette: list[PaletteColor] = Field(description="Dominant colours, largest share first.")
    thumb_hash: str = Field(description="ThumbHash in base64, a placeholder of about 25 bytes.")
    urls: Urls
    supplier: str = Field(description="Supplier's name, as used in filters.")
    supplier_title: str
    item_id: str = Field(description="The supplier's own id.")
    filename: str
    creator: str
    creator_url: str
    foreign_landing_url: str = Field(description="The image's page at its source.")
    created: str = Field(description="ISO 8601, as the supplier says.")
    rights: str = Field(description="Copyright notice.")
    credit: str
    usage_terms: str
    license: str = Field(description="Licence code; see `/licenses`.")
    license_name: str
    license_url: str
    license_type: list[str] = Field(description="What the licence allows: `commercial`, `modification`.")
    attribution: str = Field(description="A line ready to be printed under the picture.")
    added: str = Field(description="ISO 8601, UTC.")
    updated: str = Field(description="ISO 8601, UTC.")


class Result(Image):
    """One image of an answer."""

    rank: int = Field(description="1-based place in the whole answer.")
    score: float = Field(description="Comparable within one answer only.")
    fields_matched: list[str] = Field(description="Fields the words stand in; with `explain` only.")
    probability: float | None = Field(
        ge=0, le=1, description="Calibrated, that it is relevant; null where it is not known."
    )
    copies: list[str] = Field(description="Ids of copies of it that the answer leaves out.")
    explain: Explanation | None = Field(description="Null unless asked for.")


class PartialResult(BaseModel):
    """An item with only the fields asked for; `id` is always there."""

    id: str


class FacetCount(BaseModel):
    """How many images of the answer have a value."""

    value: str
    count: int


class SearchAnswer(BaseModel):
    """One page of an answer."""

    query_id: str = Field(description="Names this answer.")
    results: list[Result] | list[PartialResult]
    total: int = Field(description="Images the whole answer holds.")
    relevant: int | None = Field(
        description="How many of them, the first ones, are above the cut-off; 0 when nothing in the library "
        "matches well; null where it is not known (a picture, filters alone, a model without a cut-off)."
    )
    more_relevant: bool = Field(description="There are more relevant images than `relevant` says.")
    total_pages: int
    next_cursor: str | None = Field(description="Pass as `cursor` to read on; null at the end.")
    has_more: bool
    facets: dict[str, list[FacetCount]] = Field(
        description="Field to counts over the relevant images, over the whole answer where there are none; "
        "empty unless asked for."
    )
    notes: list[str] = Field(description="Codes of what was done to the query.")
    timings: dict[str, float] = Field(description="Milliseconds per stage, and `total`.")


class SupplierItem(BaseModel):
    """Who delivers images."""

    name: str
    title: str
    url: str
    license: str = Field(description="Licence assumed where an image brings none; empty for none.")
    terms: str
    authority: float = Field(description="Trust in the source, 0 to 1.")
    images: int = Field(description="Images in the library.")


class Suppliers(BaseModel):
    """Every supplier."""

    results: list[SupplierItem]
    total: int


class LicenseItem(BaseModel):
    """A licence and what it allows."""

    code: str
    name: str
    url: str
    commercial: bool
    modification: bool
    attribution: bool
    share_alike: bool


class Licenses(BaseModel):
    """Every licence the server knows."""

    results: list[LicenseItem]
    total: int


class Limits(BaseModel):
    """What the server accepts."""

    max_per_page: int
    max_query_length: int = Field(description="Characters of `q`.")
    max_upload_bytes: int = Field(description="Largest query picture.")
    max_pixels: int
    max_side: int = Field(description="Pixels.")
    decode_seconds: float = Field(description="Longest time one picture may take.")
    fetch_seconds: float = Field(description="Longest download of an image_url.")
    recall_depth: int = Field(description="Candidates asked from each retriever.")
    max_events: int = Field(description="Events per `POST /events`.")


class Health(BaseModel):
    """Whether a server lives."""

    status: Literal["ok"]


class Readiness(BaseModel):
    """Whether a server can answer searches."""

    status: Literal["ready"]
    images: int
    model: str
