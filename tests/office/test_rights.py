"""May this be used for that: licences, agreements, grants, downloads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from search_builders import a_record
from tusou.errors import Conflict, Expired, NotAllowed, NotHere, OfficeError
from tusou.office.rights import Rights
from tusou.office.store import Office
from tusou.office.uses import (
    Agreement,
    Verdict,
    checked_use,
    ending_soon,
    licenses_for,
    local_day,
    may_use,
    suppliers_out,
)
from tusou.types import Metadata, Use

TODAY = date(2026, 6, 15)


def verdict(license_: str, use: Use, *agreements: Agreement, **metadata: Any) -> Verdict:
    return may_use(Metadata(license=license_, **metadata), use, agreements, TODAY)


def agreement(**terms: Any) -> Agreement:
    return Agreement(**{"agreement_id": "a", "supplier": "acme", "title": "Terms", **terms})


@pytest.mark.parametrize(
    ("license_", "use", "reasons"),
    [
        ("CC0-1.0", Use("commercial", modify=True), ()),
        ("CC-BY-4.0", Use("commercial"), ()),
        ("CC-BY-NC-4.0", Use("commercial"), ("purpose_not_licensed",)),
        ("CC-BY-NC-4.0", Use("editorial"), ("purpose_not_licensed",)),
        ("CC-BY-NC-4.0", Use("education"), ()),
        ("CC-BY-ND-4.0", Use("commercial", modify=True), ("no_modification",)),
        ("CC-BY-ND-4.0", Use("commercial"), ()),
        ("LicenseRef-Editorial", Use("editorial"), ()),
        ("LicenseRef-Editorial", Use("commercial"), ("purpose_not_licensed",)),
        ("LicenseRef-AllRightsReserved", Use("personal"), ("license_silent",)),
        ("LicenseRef-RightsManaged", Use("editorial"), ("license_silent",)),
        ("", Use("personal"), ("license_unknown",)),
        ("LicenseRef-Somebody", Use("personal"), ("license_unknown",)),
    ],
)
def test_by_the_licence_alone(license_: str, use: Use, reasons: tuple[str, ...]) -> None:
    found = verdict(license_, use)
    assert found.reasons == reasons
    assert found.allowed == (not reasons)


def test_duties() -> None:
    assert verdict("CC-BY-SA-4.0", Use("commercial")).duties == ("attribution", "share_alike")
    assert verdict("CC0-1.0", Use("commercial")).duties == ()


def test_people_who_did_not_agree_are_not_used_commercially() -> None:
    assert verdict("CC0-1.0", Use("commercial"), model_release="MR-NON").reasons == ("no_model_release",)
    assert verdict("CC0-1.0", Use("editorial"), model_release="MR-NON").allowed
    assert verdict("CC0-1.0", Use("commercial"), model_release="MR-UMR").allowed


@pytest.mark.parametrize(
    ("terms", "use", "reasons"),
    [
        ({}, Use("commercial"), ()),
        ({"purposes": ("editorial",)}, Use("commercial"), ("purpose_not_agreed",)),
        ({"media": ("web", "social")}, Use("editorial", "web"), ()),
        ({"media": ("web",)}, Use("editorial", "print"), ("medium_not_agreed",)),
        ({"media": ("web",)}, Use("editorial"), ("medium_not_agreed",)),  # anywhere is more than the web
        ({"territories": ("CN",)}, Use("editorial", territory="CN"), ()),
        ({"territories": ("CN",)}, Use("editorial"), ("territory_not_agreed",)),
        ({"ends": "2026-06-15"}, Use("editorial"), ()),  # its last day
        ({"ends": "2026-06-14"}, Use("editorial"), ("agreement_ended",)),
        ({"starts": "2026-06-16"}, Use("editorial"), ("agreement_ended",)),
        ({"ends": "2026-12-31"}, Use("editorial", until="2027-01-01"), ("ends_before",)),
        ({"ends": "2026-12-31"}, Use("editorial", until="2026-12-31"), ()),
    ],
)
def test_by_agreement(terms: dict[str, Any], use: Use, reasons: tuple[str, ...]) -> None:
    assert verdict("LicenseRef-RightsManaged", use, agreement(**terms)).reasons == reasons


def test_an_agreement_does_not_lift_what_the_licence_forbids_and_the_best_one_counts() -> None:
    assert verdict("LicenseRef-Editorial", Use("commercial"), agreement()).reasons == (
        "purpose_not_licensed",
    )
    two = (agreement(purposes=("editorial",)), agreement(agreement_id="b", media=("web",), ends="2027-01-01"))
    assert verdict("", Use("commercial", "web"), *two) == Verdict(True, until="2027-01-01")


def test_licences_for_a_use() -> None:
    codes = ["CC0-1.0", "CC-BY-NC-4.0", "LicenseRef-RightsManaged", ""]
    assert licenses_for(Use("commercial"), codes, agreed=False) == ["CC0-1.0"]
    assert licenses_for(Use("commercial"), codes, agreed=True) == ["CC0-1.0", "LicenseRef-RightsManaged", ""]


def test_suppliers_whose_agreements_ended_are_out() -> None:
    ended, running = agreement(ends="2026-06-14"), agreement(supplier="zoo")
    assert suppliers_out([ended, running], TODAY) == {"acme"}
    assert suppliers_out([ended, agreement(agreement_id="b")], TODAY) == frozenset()
    assert suppliers_out([], TODAY) == frozenset()


def test_the_end_is_told_in_time() -> None:
    near, far = agreement(ends="2026-07-10"), agreement(ends="2026-07-20")
    assert ending_soon([far, near, agreement(ends="2026-06-01"), agreement()], TODAY) == [near]


@pytest.mark.parametrize("bad", [{"territory": "China"}, {"until": "tomorrow"}, {"territory": "1x"}])
def test_a_use_without_meaning(bad: dict[str, Any]) -> None:
    with pytest.raises(OfficeError):
        checked_use(Use("editorial", **bad))


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    assert office.tampered() == []
    office.close()


@pytest.fixture
def rights(office: Office) -> Rights:
    return Rights(office)


def test_agreements_are_recorded_amended_and_deleted(rights: Rights, office: Office) -> None:
    made = rights.agree("li", agreement(media=("web",), territories=("cn", "CN", "us"), title=" Frame "))
    assert made.title == "Frame"
    assert made.territories == ("CN", "US")
    assert rights.agreements("acme") == (made,)
    assert rights.agreements("zoo") == ()
    amended = rights.amend("li", replace(made, media=(), ends="2020-01-01"))
    assert amended.revision == 2
    with pytest.raises(Conflict):
        rights.amend("wang", replace(made, note="late"))
    assert rights.withheld() == {"acme"}
    rights.end("li", made.agreement_id)
    assert rights.withheld() == frozenset()
    with pytest.raises(NotHere):
        rights.end("li", made.agreement_id)
    with pytest.raises(NotHere):
        rights.amend("li", made)
    actions = [each.action for each in office.history("supplier/acme")]
    assert actions == ["agreement.delete", "agreement.amend", "agreement.create"]


def test_another_process_sees_a_change_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = Office(tmp_path), Office(tmp_path)
    reader = Rights(other)
    assert reader.agreements() == ()
    Rights(one).agree("li", agreement())
    monkeypatch.setattr("tusou.office.rights.FRESH_SECONDS", 0.0)
    assert len(reader.agreements()) == 1
    one.close()
    other.close()


@pytest.mark.parametrize(
    "terms",
    [
        {"title": " "}, {"purposes": ("war",)}, {"media": ("tv",)}, {"territories": ("China",)},
        {"starts": "soon"}, {"starts": "2026-02-01", "ends": "2026-01-01"}, {"notice_days": -1},
    ],
)  # fmt: skip
def test_terms_without_meaning_are_refused(rights: Rights, terms: dict[str, Any]) -> None:
    with pytest.raises(OfficeError):
        rights.agree("li", agreement(**terms))
    assert rights.agreements() == ()


def test_a_grant_and_its_downloads(rights: Rights) -> None:
    record = a_record(license="CC-BY-4.0")
    grant = rights.grant("li", record, Use("commercial", "print", modify=True), " 春季画册 ")
    assert (grant.project, grant.license, grant.modify) == ("春季画册", "CC-BY-4.0", True)
    assert rights.get(grant.grant_id) == grant
    rights.still_holds(grant, record)
    first = rights.downloaded("li", grant, record, "original", "png", 1234)
    second = rights.downloaded("wang", grant, record, "1280", "jpeg", 99)
    assert [(d.download_id, g.project) for d, g in rights.history()] == [
        (second.download_id, "春季画册"),
        (first.download_id, "春季画册"),
    ]
    assert [d.who for d, _ in rights.history(who="li")] == ["li"]
    assert rights.history(image_id="other") == []
    assert [d.download_id for d, _ in rights.history(before=second.at)] == [first.download_id]
    with pytest.raises(NotHere):
        rights.get("no")


def test_what_is_not_allowed_is_not_granted(rights: Rights) -> None:
    with pytest.raises(NotAllowed, match="purpose_not_licensed"):
        rights.grant("li", a_record(license="CC-BY-NC-4.0"), Use("commercial"))
    with pytest.raises(OfficeError, match="at most"):
        rights.grant("li", a_record(license="CC0-1.0"), Use("commercial"), "x" * 201)


def test_a_licence_that_ends_between_search_and_download(rights: Rights) -> None:
    record = a_record(license="LicenseRef-RightsManaged")
    made = rights.agree("li", agreement())
    grant = rights.grant("li", record, Use("editorial"))
    yesterday = (local_day() - timedelta(days=1)).isoformat()
    rights.amend("li", replace(made, ends=yesterday))
    with pytest.raises(NotAllowed, match="agreement_ended"):
        rights.still_holds(grant, record)
    changed = rights.grant("li", a_record(license="CC-BY-4.0", supplier="zoo"), Use("editorial", modify=True))
    with pytest.raises(NotAllowed, match="no_modification"):
        rights.still_holds(changed, a_record(license="CC-BY-ND-4.0", supplier="zoo"))
    free = a_record(license="CC0-1.0", supplier="zoo")
    old = replace(rights.grant("li", free, Use("editorial")), until=yesterday)
    with pytest.raises(Expired):
        rights.still_holds(old, free)
