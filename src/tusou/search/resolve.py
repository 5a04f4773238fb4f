"""Match the suppliers and licences a filter names with those that exist."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from tusou.catalog.catalog import Catalog
from tusou.catalog.licenses import LICENSES, normalize_license
from tusou.errors import QueryError, UnknownLicense
from tusou.types import Filters, Supplier


def resolve_filters(
    filters: Filters, catalog: Catalog, license_codes: Callable[[], Iterable[str]]
) -> Filters:
    """Replace names as typed by the library's own.

    A supplier is found by name or title whatever the case, a licence by code or usual spelling. A licence
    without its version (``CC-BY``, ``GPL``) stands for every version.

    Args:
        filters: As typed or chosen.
        catalog: Knows the suppliers.
        license_codes: Gives the codes of the library's images; asked only when a licence is filtered by.

    Raises:
        QueryError: No such supplier or licence; the message lists close matches.
    """
    if not (filters.supplier or filters.exclude_supplier or filters.license):
        return filters
    suppliers = _supplier_names(catalog.suppliers())
    codes = list(dict.fromkeys([*license_codes(), *LICENSES])) if filters.license else []
    return replace(
        filters,
        supplier=tuple(_supplier(name, suppliers) for name in filters.supplier),
        exclude_supplier=tuple(_supplier(name, suppliers) for name in filters.exclude_supplier),
        license=tuple(dict.fromkeys(code for text in filters.license for code in _licenses(text, codes))),
    )


def _supplier_names(suppliers: Iterable[Supplier]) -> dict[str, str]:
    names: dict[str, str] = {}
    for supplier in suppliers:
        names[supplier.name.casefold()] = supplier.name
        names.setdefault(supplier.title.casefold(), supplier.name)
    return names


def _supplier(text: str, names: Mapping[str, str]) -> str:
    found = names.get(text.strip().casefold())
    if found is None:
        close = difflib.get_close_matches(text.casefold(), [name for name in names if name], n=3, cutoff=0.5)
        offer = _offer([names[name] for name in close], names.values())
        raise QueryError(f"no supplier {text[:60]!r} in this library; {offer}", reason="unknown_supplier")
    return found


def _licenses(text: str, known: Sequence[str]) -> list[str]:
    prefix = re.sub(r"[\s_-]+", "-", text.strip().upper())
    versions = re.compile(re.escape(prefix) + (r"-.+" if prefix[-1:].isdigit() else r"-\d.*"))
    found = [code for code in known if code.upper() == prefix or versions.fullmatch(code.upper())]
    if not found:
        with suppress(UnknownLicense):
            found = [code for code in known if code == normalize_license(text)]
    if found:
        return found
    close = difflib.get_close_matches(prefix, [code.upper() for code in known], n=3, cutoff=0.5)
    offered = [code for code in known if code.upper() in close]
    raise QueryError(f"no licence {text[:60]!r}; {_offer(offered, known)}", reason="unknown_license")


def _offer(close: Sequence[str], known: Iterable[str]) -> str:
    if close:
        return f"did you mean {' or '.join(dict.fromkeys(close))}?"
    listed = list(dict.fromkeys(known))
    return (
        f"known: {', '.join(listed[:20])}{' …' if len(listed) > 20 else ''}"
        if listed
        else "there is none yet"
    )
