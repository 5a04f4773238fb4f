"""`tusou users` and `tusou keys`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tusou.catalog.library import Library
from tusou.cli.main import cli
from tusou.office.accounts import Accounts
from tusou.office.store import Office

PASSWORD = "correct horse battery\n"


@pytest.fixture
def library(tmp_path: Path) -> Path:
    Library.create(tmp_path / "library").close()
    return tmp_path / "library"


def run(library: Path, *command: str, given: str = "") -> Result:
    return CliRunner().invoke(cli, [*command, "--library", str(library)], input=given)


def test_accounts_and_keys(library: Path) -> None:
    assert "admin" in run(library, "users", "add", "li", "--role", "admin", given=PASSWORD).output
    assert run(library, "users", "add", "wang", given=PASSWORD).exit_code == 0
    listed = json.loads(run(library, "users", "list", "--json").output)
    assert [(each["name"], each["role"]) for each in listed] == [("li", "admin"), ("wang", "searcher")]
    made = run(library, "keys", "add", "wang", "--note", "sync", "--may", "search")
    office = Office(library)
    acting = Accounts(office).of_key(made.output.strip())
    assert acting is not None
    assert acting.name == "wang"
    (key,) = json.loads(run(library, "keys", "list", "--json").output)
    assert made.output.strip().split("_")[1] == key["id"]
    assert run(library, "keys", "end", key["id"]).exit_code == 0
    assert Accounts(office).of_key(made.output.strip()) is None
    assert "disabled" in run(library, "users", "change", "wang", "--disable").output
    assert run(library, "users", "change", "wang", "--password", given="another good one\n").exit_code == 0
    office.close()
    assert "wang" in run(library, "users", "list").output


def test_what_cannot_be(library: Path) -> None:
    for command, given, words in [
        (("users", "add", "wang"), PASSWORD, "first account"),
        (("users", "add", "li", "--role", "admin"), "short\n", "characters"),
        (("users", "change", "nobody", "--disable"), "", "no account"),
        (("keys", "add", "nobody", "--note", "x", "--may", "search"), "", "no account"),
        (("keys", "end", "nosuch"), "", "no key"),
    ]:
        done = run(library, *command, given=given)
        assert done.exit_code != 0
        assert words in str(done.exception)


def test_another_address_is_served_once_there_are_accounts(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[str] = []
    monkeypatch.setattr("tusou.cli.serve.run_server", lambda *_, host, **__: served.append(host))
    run(library, "users", "add", "li", "--role", "admin", given=PASSWORD)
    done = run(library, "serve", "--host", "0.0.0.0", "--port", "0")
    assert served == ["0.0.0.0"]
    assert "TLS" in done.output
    assert "no accounts" not in done.output
