"""Query parameters of the search routes, and how they become a SearchRequest."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from tusou.errors import QueryError
from tusou.office.uses import checked_use
from tusou.search.parse import MAX_CHARACTERS
from tusou.server.filters import FilterObject, parse_colors, parse_range
from tusou.server.json_values import number_only, truth_only
from tusou.types import Filters, Medium, Orientation, Purpose, Region, SearchRequest, Sort, Use

MAX_PER_PAGE = 100
NUMBER = r"([0-9]{1,9}(\.[0-9]{1,6})?)"
RANGE_PATTERN = rf"^{NUMBER}?-{NUMBER}?$"
SHARE = r"(0|1|0?\.[0-9]{1,6}|1\.0{1,6})"
REGION_PATTERN = rf"^{SHARE},{SHARE},{SHARE},{SHARE}$"

Name = Annotated[str, Field(min_length=1, max_length=100)]
RangeText = Annotated[str, Field(pattern=RANGE_PATTERN, examples=["3-6", "2-", "-12"])]


class PageParameters(BaseModel):
    """Which part of the answer is wanted, and in which form."""

    model_config = ConfigDict(extra="forbid")

    page: int = Field(default=1, ge=1, le=10_000, description="Numbered page, from 1.")
    per_page: int = Field(default=30, ge=1, le=MAX_PER_PAGE, description="Results per page.")
    cursor: str | None = Field(
        default=None,
        max_length=200,
        description="`next_cursor` of the page before; takes the place of `page`.",
    )
    lang: Literal["zh", "en", "auto"] = Field(
        default="auto", description="Language of the texts; `auto` follows Accept-Language."
    )
    fields: str | None = Field(
        default=None,
        max_length=500,
        pattern=r"^[a-z_]+(,[a-z_]+)*$",
        description="Item fields wanted, separated by commas; all when absent.",
        examples=["id,title,license,attribution"],
    )


class QueryParameters(PageParameters):
    """What is asked besides filters."""

    q: str = Field(
        default="",
        max_length=MAX_CHARACTERS,
        description="Words, typed filters (`supplier:`, `color:`, `mp:3-6` …) and `-exclusions`.",
        examples=["雪山", "a red car", "bird -owl orientation:landscape"],
    )
    sort: Sort = Field(
        default="relevance",
        description="Order of the answer; all but `relevance` order the images that match. `popular` is by "
        "clicks, fair between suppliers and places of the page, `undiscovered` what was seen least first.",
    )
    relevant_only: bool = Field(
        default=False, description="Leave out what lies below the cut-off; see `relevant` of the answer."
    )
    group_copies: bool = Field(
        default=True, description="Show copies of one picture as one item, whose `copies` names the others."
    )
    diversity: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="How far suppliers and creators are mixed; as the library is set when absent.",
    )
    usage: Purpose | None = Field(
        default=None, description="Leave out what may not be used for this, by licence and agreement."
    )
    medium: Medium | None = Field(
        default=None, description="Where it is to appear; anywhere when absent. Needs `usage`."
    )
    territory: str = Field(
        default="", max_length=2, description="ISO 3166 code; worldwide when empty. Needs `usage`."
    )
    until: str = Field(default="", max_length=10, description="Last day of the use, ISO 8601. Needs `usage`.")
    modify: bool = Field(default=False, description="The picture is changed. Needs `usage`.")
    explain: bool = Field(default=False, description="Say of each item what matched and what it earned.")
    facets: bool = Field(default=False, description="Count filter values over the relevant images.")


class FilterParameters(BaseModel):
    """Filters as they stand in an address; see docs/reference/http-api.md."""

    model_config = ConfigDict(extra="forbid")

    orientation: list[Orientation] = Field(default_factory=list, description="Shapes, any of them.")
    color: list[Annotated[str, Field(max_length=20)]] = Field(
        default_factory=list,
        max_length=5,
        description="Hex (`ff8800`, with or without `#`) or a colour's name; all must be present.",
        examples=[["red"], ["#ff8800"]],
    )
    color_tolerance: float = Field(default=25.0, ge=0, le=100, description="Distance allowed in CIE Lab.")
    megapixels: RangeText | None = Field(default=None, description="Width x height / 1e6, `min-max`.")
    width: RangeText | None = Field(default=None, description="Pixels, `min-max`.")
    height: RangeText | None = Field(default=None, description="Pixels, `min-max`.")
    license: list[Name] = Field(default_factory=list, description="Licence codes, any of them.")
    license_type: list[Literal["commercial", "modification"]] = Field(
        default_factory=list, description="What the licence must allow, all of them."
    )
    supplier: list[Name] = Field(default_factory=list, description="Suppliers, any of them.")
    exclude_supplier: list[Name] = Field(default_factory=list, description="Suppliers to leave out.")
    format: list[Name] = Field(default_factory=list, description="File formats, any of them.")

    def to_filters(self) -> Filters:
        """Parse the values.

        Raises:
            QueryError: A range or a colour that cannot be understood.
        """
        return Filters(
            supplier=tuple(self.supplier),
            exclude_supplier=tuple(self.exclude_supplier),
            license=tuple(self.license),
            license_type=tuple(self.license_type),
            orientation=tuple(self.orientation),
            width=parse_range(self.width),
            height=parse_range(self.height),
            megapixels=parse_range(self.megapixels),
            color=parse_colors(self.color),
            color_tolerance=self.color_tolerance,
            format=tuple(self.format),
        )


class SearchParameters(FilterParameters, QueryParameters):
    """Everything `GET /search/images` understands."""


class SimilarParameters(FilterParameters, PageParameters):
    """Everything `GET /images/{id}/similar` understands."""


class SearchBody(QueryParameters):
    """Body of `POST /search/images`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "q": "雪山",
                "filters": {
                    "supplier": {"notIn": ["openclipart"]},
                    "megapixels": {"gte": 2},
                    "license_type": {"all": ["commercial"]},
                },
                "per_page": 20,
                "facets": True,
            }
        },
    )

    filters: FilterObject = Field(default_factory=FilterObject)

    @field_validator("page", "per_page", "diversity", mode="before")
    @classmethod
    def _number(cls, value: object) -> object:
        return number_only(value)

    @field_validator("relevant_only", "group_copies", "explain", "facets", "modify", mode="before")
    @classmethod
    def _truth(cls, value: object) -> object:
        return truth_only(value)


class ImageQueryFields(QueryParameters):
    """Fields of `POST /search/images/by-image` beside the file."""

    image_id: str | None = Field(
        default=None, max_length=100, description="A library image as query picture."
    )
    image_url: str | None = Field(
        default=None, max_length=2000, description="Public http(s) address of the query picture."
    )
    region: str | None = Field(
        default=None,
        pattern=REGION_PATTERN,
        description="Part of the picture, `x,y,width,height` in shares of its size.",
        examples=["0.25,0.1,0.5,0.5"],
    )
    mode: Literal["similar", "same"] = Field(
        default="similar", description="`similar` ranks by meaning, `same` finds copies."
    )
    image_weight: float = Field(
        default=0.5, ge=0, le=1, description="Share of the picture when there are words as well."
    )


def parse_region(text: str | None) -> Region | None:
    """Read ``x,y,width,height``.

    Raises:
        QueryError: The box is empty or leaves the picture.
    """
    if text is None:
        return None
    x, y, width, height = (float(part) for part in text.split(","))
    if width <= 0 or height <= 0 or x + width > 1.000001 or y + height > 1.000001:
        raise QueryError(
            f"region {text!r} must be x,y,width,height in shares of the picture, not empty and inside it",
            reason="bad_region",
        )
    return Region(x, y, width, height)


def language(lang: str, accept_language: str) -> Literal["zh", "en"]:
    """Language of the answer's texts: as asked, else the first known of Accept-Language, else English."""
    if lang in ("zh", "en"):
        return "zh" if lang == "zh" else "en"
    for part in sorted(accept_language.split(","), key=_quality, reverse=True):
        tag = part.split(";")[0].strip().lower()
        if tag[:2] in ("zh", "en"):
            return "zh" if tag.startswith("zh") else "en"
    return "en"


def _quality(part: str) -> float:
    _, _, quality = part.partition(";q=")
    try:
        return float(quality) if quality else 1.0
    except ValueError:
        return 0.0


def request_of(asked: QueryParameters, filters: Filters, lang: Literal["zh", "en"]) -> SearchRequest:
    """Put a search together from what was asked; routes that take a picture add it."""
    return SearchRequest(
        q=asked.q,
        filters=filters,
        sort=asked.sort,
        lang=lang,
        offset=(asked.page - 1) * asked.per_page,
        limit=asked.per_page,
        explain=asked.explain,
        facets=asked.facets,
        relevant_only=asked.relevant_only,
        group_copies=asked.group_copies,
        diversity=asked.diversity,
        use=use_of(asked),
    )


def use_of(asked: QueryParameters) -> Use | None:
    """The use a search is for.

    Raises:
        QueryError: Medium, territory, day or change without a purpose (``usage_needed``).
        OfficeError: Territory or day have no meaning.
    """
    if asked.usage is not None:
        return checked_use(Use(asked.usage, asked.medium or "", asked.territory, asked.until, asked.modify))
    if asked.medium or asked.territory or asked.until or asked.modify:
        raise QueryError(
            "medium, territory, until and modify describe a use: say what for with usage "
            "(commercial, editorial, education, personal)",
            reason="usage_needed",
        )
    return None
