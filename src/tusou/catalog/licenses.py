"""The licences tusou knows: what each allows, and how suppliers spell them."""

from __future__ import annotations

import csv
import difflib
import re
from importlib.resources import files
from typing import Final
from urllib.parse import urlsplit

from tusou.errors import UnknownLicense
from tusou.types import License

_CC_VERSIONS: Final = ("1.0", "2.0", "2.5", "3.0", "4.0")
_CC_KINDS: Final = ("BY", "BY-SA", "BY-ND", "BY-NC", "BY-NC-SA", "BY-NC-ND")
_CC_PARTS_EN: Final = {"BY": "Attribution", "NC": "NonCommercial", "SA": "ShareAlike", "ND": "NoDerivatives"}
_CC_PARTS_ZH: Final = {"BY": "署名", "NC": "非商业性使用", "SA": "相同方式共享", "ND": "禁止演绎"}
_CC_CODE: Final = re.compile(r"CC-(BY(?:-NC)?(?:-SA|-ND)?)-(\d\.\d)(?:-([A-Z]{2,3}))?")


def _creative_commons(kind: str, version: str, country: str = "") -> License:
    parts = kind.split("-")
    port = f"-{country}" if country else ""
    path = f"{country.lower()}/" if country else ""
    name_en = "-".join(_CC_PARTS_EN[part] for part in parts)
    name_zh = "-".join(_CC_PARTS_ZH[part] for part in parts)
    return License(
        code=f"CC-{kind}-{version}{port}",
        name={
            "en": f"Creative Commons {name_en} {version} {country}".rstrip(),
            "zh": f"知识共享 {name_zh} {version} {country}".rstrip(),
        },
        url=f"https://creativecommons.org/licenses/{kind.lower()}/{version}/{path}",
        commercial="NC" not in parts,
        modification="ND" not in parts,
        attribution=True,
        share_alike="SA" in parts,
    )


def _license(code: str, en: str, zh: str, url: str, allows: str) -> License:
    """Build one row; ``allows`` has c (commercial), m (modification), a (attribution), s (share alike)."""
    return License(
        code, {"en": en, "zh": zh}, url, "c" in allows, "m" in allows, "a" in allows, "s" in allows
    )


def _gnu_family() -> list[License]:
    names = {"GPL": ("General Public License", "通用公共许可证"), "LGPL": ("Lesser GPL", "宽通用公共许可证")}
    names["AGPL"] = ("Affero GPL", "Affero 通用公共许可证")
    versions = [
        ("GPL", "2.0"),
        ("GPL", "3.0"),
        ("LGPL", "2.0"),
        ("LGPL", "2.1"),
        ("LGPL", "3.0"),
        ("AGPL", "3.0"),
    ]
    rows = []
    for family, version in versions:
        en, zh = names[family]
        url = f"https://www.gnu.org/licenses/{family.lower()}-{version}.html"
        rows.append(
            _license(f"{family}-{version}-only", f"GNU {en} {version}", f"GNU {zh} {version}", url, "cmas")
        )
        en, zh = f"GNU {en} {version} or later", f"GNU {zh} {version} 或更新版本"
        rows.append(_license(f"{family}-{version}-or-later", en, zh, url, "cmas"))
    return rows


def _read_table() -> list[License]:
    """Rows of licenses.csv with the Creative Commons and GNU families behind the public-domain marks."""
    text = (files("tusou.catalog") / "licenses.csv").read_text(encoding="utf-8")
    rows = [_license(*row) for row in list(csv.reader(text.splitlines()))[1:]]
    commons = [_creative_commons(kind, version) for kind in _CC_KINDS for version in _CC_VERSIONS]
    return [*rows[:2], *commons, *_gnu_family(), *rows[2:]]


LICENSES: dict[str, License] = {row.code: row for row in _read_table()}
"""Licence by code, in the order ``tusou licenses`` shows them."""

_ALIASES: Final = {
    "cc0": "CC0-1.0",
    "cczero": "CC0-1.0",
    "creative commons zero": "CC0-1.0",
    "public domain": "CC-PDM-1.0",
    "publicdomain": "CC-PDM-1.0",
    "public domain mark": "CC-PDM-1.0",
    "pd": "CC-PDM-1.0",
    "pdm": "CC-PDM-1.0",
    "公共领域": "CC-PDM-1.0",
    "公有领域": "CC-PDM-1.0",
    "expat": "MIT",
    "apache 2": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "ofl": "OFL-1.1",
    "free art license": "LAL-1.3",
    "gfdl": "GFDL-1.3-or-later",
    "unsplash": "LicenseRef-Unsplash",
    "pexels": "LicenseRef-Pexels",
    "pixabay": "LicenseRef-Pixabay",
    "royalty free": "LicenseRef-RoyaltyFree",
    "rf": "LicenseRef-RoyaltyFree",
    "免版税": "LicenseRef-RoyaltyFree",
    "rights managed": "LicenseRef-RightsManaged",
    "rm": "LicenseRef-RightsManaged",
    "版权管理": "LicenseRef-RightsManaged",
    "editorial": "LicenseRef-Editorial",
    "editorial use only": "LicenseRef-Editorial",
    "编辑用途": "LicenseRef-Editorial",
    "all rights reserved": "LicenseRef-AllRightsReserved",
    "保留所有权利": "LicenseRef-AllRightsReserved",
    "版权所有": "LicenseRef-AllRightsReserved",
}
_BY_FOLDED: Final = {re.sub(r"[\s_\-]+", " ", code.lower()): code for code in LICENSES}
_REF: Final = re.compile(r"LicenseRef-[A-Za-z0-9.\-]+")
_CC_TEXT: Final = re.compile(
    r"(?:cc |creative commons |知识共享 )?(by(?: nc)?(?: (?:sa|nd))?) v?(\d)(?:\.(\d))?\+?"
    r"(?: (?:unported|international|generic|deed|国际|[a-z]{2}))?"
)
_GNU_TEXT: Final = re.compile(
    r"(?:gnu\s)?(a|l)?gpl\s?(?:v(?:ersion)?\s?)?(\d)(?:\.(\d))?\s?(\+|or later|or newer|only)?"
)
_CC_WORDS: Final = (
    ("attribution", "by"),
    ("non commercial", "nc"),
    ("noncommercial", "nc"),
    ("share alike", "sa"),
    ("sharealike", "sa"),
    ("no derivatives", "nd"),
    ("noderivatives", "nd"),
    ("noderivs", "nd"),
    ("署名", "by"),
    ("非商业性使用", "nc"),
    ("非商业", "nc"),
    ("相同方式共享", "sa"),
    ("禁止演绎", "nd"),
)


def license_of(code: str) -> License:
    """Look a licence code up.

    Any ``LicenseRef-…`` is accepted; one that is not in the table allows nothing by itself, because only
    the supplier's contract says what it allows. National ports of Creative Commons licences
    (``CC-BY-SA-3.0-DE``) are derived from their family.

    Raises:
        UnknownLicense: The code is neither known nor a ``LicenseRef-…``; the message names close matches.
    """
    known = LICENSES.get(code)
    if known is not None:
        return known
    port = _CC_CODE.fullmatch(code)
    if port and port[1] in _CC_KINDS and port[2] in _CC_VERSIONS:
        return _creative_commons(port[1], port[2], port[3] or "")
    if _REF.fullmatch(code):
        readable = code.removeprefix("LicenseRef-")
        return _license(code, readable, readable, "", "a")
    raise UnknownLicense(_unknown(code))


def normalize_license(text: str) -> str:
    """Turn a supplier's spelling of a licence (``CC BY-SA 4.0``, a deed's address, ``GPLv2+``) into a code.

    Raises:
        UnknownLicense: The text names no licence tusou knows.
    """
    text = text.strip()
    if re.match(r"https?://", text, re.IGNORECASE):
        code = _from_url(text)
    elif text in LICENSES or _REF.fullmatch(text) or _CC_CODE.fullmatch(text):
        code = text
    else:
        code = _from_words(text)
    if code is None:
        raise UnknownLicense(_unknown(text))
    return license_of(code).code


def _from_url(url: str) -> str | None:
    parts = urlsplit(url)
    host = parts.netloc.lower().removeprefix("www.")
    path = [part for part in parts.path.lower().split("/") if part]
    if host == "creativecommons.org" and len(path) >= 2:
        return _from_deed(path)
    wanted = (host, parts.path.rstrip("/").lower())
    for row in LICENSES.values():
        known = urlsplit(row.url)
        if row.url and (known.netloc.lower().removeprefix("www."), known.path.rstrip("/").lower()) == wanted:
            return row.code
    return None


def _from_deed(path: list[str]) -> str | None:
    """Read ``/licenses/by-sa/4.0/deed.zh`` and ``/publicdomain/zero/1.0``."""
    if path[0] == "publicdomain":
        return {"zero": "CC0-1.0", "mark": "CC-PDM-1.0"}.get(path[1])
    if path[0] != "licenses" or len(path) < 3:
        return None
    country = path[3].upper() if len(path) > 3 and re.fullmatch(r"[a-z]{2,3}", path[3]) else ""
    return f"CC-{path[1].upper()}-{path[2]}" + (f"-{country}" if country else "")


def _from_words(text: str) -> str | None:
    folded = re.sub(r"[\s_\-/]+", " ", text.lower()).strip(" .()")
    folded = folded.removesuffix(" license").removesuffix(" licence")
    if folded in _BY_FOLDED:
        return _BY_FOLDED[folded]
    if folded in _ALIASES:
        return _ALIASES[folded]
    return _creative_commons_words(folded) or _gnu_words(folded)


def _creative_commons_words(folded: str) -> str | None:
    if re.fullmatch(r"cc ?0( v?1(\.0)?)?( universal)?", folded):
        return "CC0-1.0"
    for word, letters in _CC_WORDS:
        folded = folded.replace(word, letters)
    match = _CC_TEXT.fullmatch(folded)
    # A name without a version is refused: the versions differ in law, and nobody here may choose one.
    return f"CC-{match[1].upper().replace(' ', '-')}-{match[2]}.{match[3] or 0}" if match else None


def _gnu_words(folded: str) -> str | None:
    match = _GNU_TEXT.fullmatch(folded.replace("gnu general public license", "gpl"))
    if not match:
        return None
    later = "only" if match[4] in (None, "only") else "or-later"
    return f"{(match[1] or '').upper()}GPL-{match[2]}.{match[3] or 0}-{later}"


def _unknown(text: str) -> str:
    close = difflib.get_close_matches(text, LICENSES, n=3, cutoff=0.5)
    hint = f"; close ones are {', '.join(close)}" if close else ""
    return (
        f"licence {text[:80]!r} is not known{hint}. "
        "See `tusou licenses`; a contract of your own is named LicenseRef-Something"
    )
