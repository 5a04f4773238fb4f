"""What may be found at all: suppliers whose agreements ended are out, and so is what a use does not allow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from tusou.index.base import Index
from tusou.office.rights import Rights
from tusou.office.schema import FILE_NAME
from tusou.office.store import Office
from tusou.office.uses import Agreement, agreed, licenses_for, suppliers_out
from tusou.types import Filters, Mask, Range, Use

Agreements = Callable[[], Sequence[Agreement]]
"""Gives the agreements as they are now, ended ones too."""


class RecordedAgreements:
    """The agreements of a library; the office file is opened only once there is one."""

    def __init__(self, library: Path) -> None:
        self._library = library
        self._rights: Rights | None = None

    def __call__(self) -> Sequence[Agreement]:
        """Agreements as they are now."""
        if self._rights is None:
            if not (self._library / FILE_NAME).exists():
                return ()
            self._rights = Rights(Office(self._library))
        return self._rights.agreements()


def permitted_mask(index: Index, agreements: Sequence[Agreement], use: Use | None) -> Mask | None:
    """Rows that may be shown, and used so; None when all may.

    Of people who did not agree the index knows nothing: that is judged when the use is granted.
    """
    if use is not None:
        return _usable(index, agreements, use)
    out = suppliers_out(agreements)
    return index.mask(Filters(exclude_supplier=tuple(sorted(out)))) if out else None


def _usable(index: Index, agreements: Sequence[Agreement], use: Use) -> Mask:
    known = {agreement.supplier for agreement in agreements}
    covered = {name for name in known if agreed([each for each in agreements if each.supplier == name], use)}
    codes = ["", *(code for code, _ in index.facets(None, ["license"])["license"])]
    by_agreement = licenses_for(use, codes, agreed=True)
    by_license = licenses_for(use, codes, agreed=False)
    parts = [_mask(index, Filters(license=("",), width=Range(None, -1.0)))]  # nothing at all
    if covered and by_agreement:
        parts.append(_mask(index, Filters(supplier=tuple(sorted(covered)), license=tuple(by_agreement))))
    if by_license:
        parts.append(_mask(index, Filters(exclude_supplier=tuple(sorted(known)), license=tuple(by_license))))
    return np.asarray(np.logical_or.reduce(parts))


def _mask(index: Index, filters: Filters) -> Mask:
    mask = index.mask(filters)
    assert mask is not None, "a filter gives a mask"
    return mask
