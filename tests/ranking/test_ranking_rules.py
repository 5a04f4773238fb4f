"""A manager's rules on disk: what can be kept, what cannot, and changes by several at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tusou.errors import RuleError
from tusou.ranking import rules as module
from tusou.ranking.rules import Rule, RuleStore

NOW = datetime(2026, 11, 27, tzinfo=UTC)


def add(store: RuleStore, **fields: Any) -> Rule:
    values: dict[str, Any] = {"kind": "pin", "query": "red", "target": "image:abc"}
    return store.add(**(values | fields))


def test_rules_are_kept_numbered_and_removed(tmp_path: Path) -> None:
    store = RuleStore(tmp_path)
    assert store.all() == ()
    first = add(store, until=NOW, note="campaign", created_by="li")
    second = add(store, kind="boost", query="", target="supplier:acme", amount=0.3)
    assert (first.rule_id, second.rule_id) == (1, 2)
    assert store.all() == (first, second)
    assert (first.until, first.note, first.created_by) == (NOW, "campaign", "li")
    assert store.remove(1) == first
    assert add(store).rule_id == 3  # a number is never given twice


def test_a_rule_ends_and_is_for_its_words(tmp_path: Path) -> None:
    def rule(**fields: Any) -> Rule:
        return add(RuleStore(tmp_path), **({"kind": "boost", "amount": 0.1} | fields))

    assert rule(until=NOW).holds(NOW - timedelta(seconds=1))
    assert not rule(until=NOW).holds(NOW)
    assert rule().holds(NOW)
    assert rule(query="Red  CAR").is_for("red car")
    assert not rule(query="red car").is_for("red")
    assert rule(query="").is_for("anything")


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"query": " "}, "a pin needs the words"),
        ({"target": "supplier:acme"}, "a pin's target is one image"),
        ({"rank": 0}, "rank"),
        ({"kind": "boost", "target": "supplier:acme"}, "needs an amount"),
        ({"kind": "bury", "target": "supplier:acme", "amount": 1.5}, "amount"),
        ({"kind": "synonym", "target": " "}, "words to look up"),
        ({"kind": "shout"}, "kind"),
        ({"target": ""}, "target"),
        ({"until": datetime(2026, 1, 1)}, "time zone"),  # noqa: DTZ001 # what is refused
        ({"note": "x" * 2000}, "note"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    tmp_path: Path, fields: dict[str, Any], problem: str
) -> None:
    store = RuleStore(tmp_path)
    with pytest.raises(RuleError, match=problem) as refused:
        add(store, **fields)
    assert refused.value.reason == "bad_rule"
    assert not store.path.exists()


def test_an_unknown_number_and_too_many_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = RuleStore(tmp_path)
    with pytest.raises(RuleError, match="no rule 4"):
        store.remove(4)
    monkeypatch.setattr(module, "MOST_RULES", 1)
    add(store)
    with pytest.raises(RuleError, match="remove ended ones"):
        add(store)


@pytest.mark.parametrize("content", ["", "[]", '{"schema_version": 2, "last_id": 0, "rules": []}'])
def test_a_damaged_file_is_named_and_kept(tmp_path: Path, content: str) -> None:
    store = RuleStore(tmp_path)
    store.path.write_text(content, "utf-8")
    with pytest.raises(RuleError, match=r"rules\.json cannot be read") as refused:
        add(store)
    assert refused.value.reason == "rules_damaged"
    assert store.path.read_text("utf-8") == content


def test_changes_of_many_at_once_are_all_kept(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda n: add(RuleStore(tmp_path), note=str(n)), range(40)))
    assert sorted(each.rule_id for each in made) == list(range(1, 41))
    assert {each.note for each in RuleStore(tmp_path).all()} == {str(n) for n in range(40)}
