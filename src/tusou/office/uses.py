"""May this image be used for that? Licences of images and agreements with suppliers, read together.

An image's licence restricts: what it forbids stays forbidden. Agreements say what a supplier lets the library
do with its images and until when; once one is recorded, the supplier's images are in the library only while
one of its agreements runs, and a use must be covered by it. Suppliers without an agreement are judged by the
licences of their images alone, and a licence that says nothing (unknown, all rights reserved, rights managed)
then allows nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import get_args

from tusou.catalog.licenses import LICENSES, license_of
from tusou.errors import OfficeError, UnknownLicense
from tusou.types import License, Medium, Metadata, Purpose, Use

PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
MEDIA: tuple[Medium, ...] = get_args(Medium)

SILENT = ("LicenseRef-AllRightsReserved", "LicenseRef-RightsManaged")
"""Licences that allow nothing by themselves: an agreement must."""

EDITORIAL = "LicenseRef-Editorial"
NO_RELEASE = ("none", "mr-non")
"""What suppliers write when nobody pictured agreed (PLUS: MR-NON)."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a supplier lets the library do with its images.

    Attributes:
        agreement_id: Random name.
        supplier: Whose images.
        title: What people call it.
        purposes: Purposes it covers; all when empty.
        media: Media it covers; all when empty.
        territories: ISO 3166 codes; worldwide when empty.
        starts: First day, ISO 8601; empty: always ran.
        ends: Last day; empty: without end.
        notice_days: Days before its end from which it is named as ending.
        note: Free words.
        revision: Raised by every change.
    """

    agreement_id: str
    supplier: str
    title: str
    purposes: tuple[str, ...] = ()
    media: tuple[str, ...] = ()
    territories: tuple[str, ...] = ()
    starts: str = ""
    ends: str = ""
    notice_days: int = 30
    note: str = ""
    revision: int = 1

    def runs(self, day: date) -> bool:
        """Whether it holds on a day."""
        return self.starts <= day.isoformat() and (not self.ends or day.isoformat() <= self.ends)

    def misses(self, use: Use) -> tuple[str, ...]:
        """Codes of what of a use it does not cover; empty when it covers it."""
        missing = []
        if self.purposes and use.purpose not in self.purposes:
            missing.append("purpose_not_agreed")
        if self.media and use.medium not in self.media:
            missing.append("medium_not_agreed")
        if self.territories and use.territory not in self.territories:
            missing.append("territory_not_agreed")
        if use.until and self.ends and use.until > self.ends:
            missing.append("ends_before")
        return tuple(missing)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a use is allowed.

    Attributes:
        allowed: It is.
        reasons: Codes of what forbids it: ``license_unknown``, ``license_silent``, ``purpose_not_licensed``,
            ``no_modification``, ``no_model_release``, ``agreement_ended``, ``purpose_not_agreed``,
            ``medium_not_agreed``, ``territory_not_agreed``, ``ends_before``.
        duties: Codes of what it asks: ``attribution``, ``share_alike``.
        until: Day from which it is not allowed any more; empty when nobody said.
    """

    allowed: bool
    reasons: tuple[str, ...] = ()
    duties: tuple[str, ...] = ()
    until: str = ""


def may_use(
    metadata: Metadata, use: Use, agreements: Sequence[Agreement], today: date | None = None
) -> Verdict:
    """Judge a use of an image.

    Args:
        metadata: What is known of the image, its supplier's defaults filled in.
        use: What is wanted.
        agreements: All agreements with its supplier, ended ones too.
        today: The day to judge for; the present one when None.
    """
    license_ = _license(metadata.license)
    reasons = [*_forbidden_by_license(license_, use, silent_is_enough=bool(agreements))]
    if use.purpose == "commercial" and metadata.model_release.strip().lower() in NO_RELEASE:
        reasons.append("no_model_release")
    covering, until = _agreed(agreements, use, today or local_day())
    reasons += covering
    return Verdict(not reasons, tuple(reasons), _duties(license_), until)


def licenses_for(use: Use, codes: Iterable[str], *, agreed: bool) -> list[str]:
    """Those licence codes under which a use is allowed.

    Args:
        use: What is wanted.
        codes: Codes in question.
        agreed: An agreement with the supplier covers the use, so that a silent licence does not forbid it.
    """
    return [code for code in codes if not _forbidden_by_license(_license(code), use, silent_is_enough=agreed)]


def agreed(agreements: Sequence[Agreement], use: Use, today: date | None = None) -> bool:
    """Whether one of a supplier's agreements runs and covers a use."""
    return bool(agreements) and not _agreed(agreements, use, today or local_day())[0]


def suppliers_out(agreements: Iterable[Agreement], today: date | None = None) -> frozenset[str]:
    """Suppliers whose agreements have all ended or not begun: their images may not be shown."""
    day = today or local_day()
    known, running = set(), set()
    for agreement in agreements:
        known.add(agreement.supplier)
        if agreement.runs(day):
            running.add(agreement.supplier)
    return frozenset(known - running)


def ending_soon(agreements: Iterable[Agreement], today: date | None = None) -> list[Agreement]:
    """Agreements whose end is near enough to be told, the nearest first."""
    day = today or local_day()
    near = [
        agreement
        for agreement in agreements
        if agreement.ends and 0 <= (date.fromisoformat(agreement.ends) - day).days <= agreement.notice_days
    ]
    return sorted(near, key=lambda agreement: agreement.ends)


def local_day() -> date:
    """Today, where the server stands: contracts end by the calendar on the wall."""
    return datetime.now().astimezone().date()


def checked_use(use: Use) -> Use:
    """A use with day and territory in their usual form.

    Raises:
        OfficeError: Territory or day has no meaning (``bad_territory``, ``bad_day``).
    """
    territory = check_territories([use.territory])[0] if use.territory else ""
    return replace(use, territory=territory, until=check_day(use.until))


def check_day(text: str) -> str:
    """A day as ISO 8601 writes it, or nothing.

    Raises:
        OfficeError: It is neither (``bad_day``).
    """
    try:
        return date.fromisoformat(text).isoformat() if text else ""
    except ValueError:
        raise OfficeError(f"{text!r} is no day; write it like 2027-03-31", reason="bad_day") from None


def check_territories(codes: Iterable[str]) -> tuple[str, ...]:
    """Country codes of two letters, upper case, without repeats.

    Raises:
        OfficeError: One has another form (``bad_territory``).
    """
    found = tuple(dict.fromkeys(code.strip().upper() for code in codes))
    for code in found:
        if not (len(code) == 2 and code.isascii() and code.isalpha()):
            raise OfficeError(
                f"{code!r} is no country code; use the two letters of ISO 3166, such as CN",
                reason="bad_territory",
            )
    return found


def _license(code: str) -> License | None:
    """The licence of the table; a supplier's own (``LicenseRef-…``) says nothing to us."""
    try:
        found = license_of(code) if code else None
    except UnknownLicense:
        return None
    return None if found is None or (code.startswith("LicenseRef-") and code not in LICENSES) else found


def _forbidden_by_license(license_: License | None, use: Use, *, silent_is_enough: bool) -> tuple[str, ...]:
    if license_ is None or license_.code in SILENT:
        if silent_is_enough:
            return ()
        return ("license_unknown",) if license_ is None else ("license_silent",)
    found = []
    if use.purpose not in _purposes(license_):
        found.append("purpose_not_licensed")
    if use.modify and not license_.modification:
        found.append("no_modification")
    return tuple(found)


def _purposes(license_: License) -> tuple[Purpose, ...]:
    if license_.code == EDITORIAL:
        return ("editorial",)
    return PURPOSES if license_.commercial else ("education", "personal")


def _agreed(agreements: Sequence[Agreement], use: Use, day: date) -> tuple[tuple[str, ...], str]:
    """What of the use no running agreement covers, and the day the covering one ends."""
    if not agreements:
        return (), ""
    running = [agreement for agreement in agreements if agreement.runs(day)]
    if not running:
        return ("agreement_ended",), ""
    best = min(running, key=lambda agreement: (len(agreement.misses(use)), agreement.ends != ""))
    return best.misses(use), best.ends


def _duties(license_: License | None) -> tuple[str, ...]:
    if license_ is None:
        return ()
    asked = {"attribution": license_.attribution, "share_alike": license_.share_alike}
    return tuple(name for name, is_asked in asked.items() if is_asked)
