"""Licence codes, and the ways suppliers spell them."""

from __future__ import annotations

import pytest

from tusou.catalog.licenses import LICENSES, license_of, normalize_license
from tusou.errors import UnknownLicense


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("CC BY-SA 4.0", "CC-BY-SA-4.0"),
        ("cc-by-3.0", "CC-BY-3.0"),
        ("CC-BY-SA-3+", "CC-BY-SA-3.0"),
        ("Creative Commons Attribution-ShareAlike 4.0 International", "CC-BY-SA-4.0"),
        ("Attribution-NonCommercial-NoDerivs 2.5", "CC-BY-NC-ND-2.5"),
        ("知识共享 署名-非商业性使用 4.0 国际", "CC-BY-NC-4.0"),
        ("https://creativecommons.org/licenses/by-nc/2.0/deed.zh", "CC-BY-NC-2.0"),
        ("http://www.creativecommons.org/licenses/by-sa/3.0/de/", "CC-BY-SA-3.0-DE"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("https://creativecommons.org/publicdomain/mark/1.0", "CC-PDM-1.0"),
        ("https://unsplash.com/license", "LicenseRef-Unsplash"),
        ("CC0", "CC0-1.0"),
        ("Public Domain", "CC-PDM-1.0"),
        ("公有领域", "CC-PDM-1.0"),
        ("GPLv2+", "GPL-2.0-or-later"),
        ("GPL-2", "GPL-2.0-only"),
        ("GNU GPL v3", "GPL-3.0-only"),
        ("LGPL-2.1+", "LGPL-2.1-or-later"),
        ("AGPL 3 or later", "AGPL-3.0-or-later"),
        ("Apache-2.0", "Apache-2.0"),
        ("MIT License", "MIT"),
        ("Royalty-free", "LicenseRef-RoyaltyFree"),
        ("版权管理", "LicenseRef-RightsManaged"),
        ("LicenseRef-Contract.2024", "LicenseRef-Contract.2024"),
        ("  CC0-1.0 ", "CC0-1.0"),
    ],
)
def test_spellings(text: str, code: str) -> None:
    assert normalize_license(text) == code


@pytest.mark.parametrize(
    "text",
    [
        "",
        "free",
        "CC BY",
        "CC-BY-9.0",
        "https://example.org/terms",
        "CC BY-SA-ND 4.0",
        "LicenseRef-a b",
        "GPL",
        "x" * 5000,
    ],
)
def test_unknown_spellings_are_refused(text: str) -> None:
    with pytest.raises(UnknownLicense, match="not known"):
        normalize_license(text)


def test_a_near_miss_is_named() -> None:
    with pytest.raises(UnknownLicense, match=r"CC-BY-4\.0"):
        license_of("CC-BY-4")


@pytest.mark.parametrize("code", list(LICENSES))
def test_every_known_code_is_its_own_spelling(code: str) -> None:
    assert normalize_license(code) == code
    assert license_of(code).code == code
    assert license_of(code).name["zh"]


def test_every_url_of_the_table_leads_back_to_its_code() -> None:
    with_url = [
        row for row in LICENSES.values() if row.url and "GFDL" not in row.code and "GPL" not in row.code
    ]
    assert [row.code for row in with_url if normalize_license(row.url) != row.code] == []


@pytest.mark.parametrize(
    ("code", "commercial", "modification", "share_alike"),
    [
        ("CC-BY-NC-SA-4.0", False, True, True),
        ("CC-BY-ND-3.0", True, False, False),
        ("CC0-1.0", True, True, False),
        ("CC-BY-NC-2.0-FR", False, True, False),
        ("LicenseRef-Editorial", False, False, False),
        ("LicenseRef-Whatever", False, False, False),
    ],
)
def test_what_licences_allow(code: str, commercial: bool, modification: bool, share_alike: bool) -> None:
    found = license_of(code)
    assert (found.commercial, found.modification, found.share_alike) == (
        commercial,
        modification,
        share_alike,
    )
