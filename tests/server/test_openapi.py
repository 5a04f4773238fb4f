"""The OpenAPI document is complete, valid, and kept by the running server (schemathesis)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from openapi_spec_validator import validate
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import positive_data_acceptance

from server_builder import build_world, serving
from tusou.server.app import create_app
from tusou.server.state import ServerState

OPENAPI = "/api/v1/openapi.json"


@pytest.fixture(scope="session")
def document(http: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = http.get(OPENAPI).json()
    return found


def test_the_document_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    validate(document)
    assert "HTTPValidationError" not in str(document)


def test_every_route_is_described(document: dict[str, Any]) -> None:
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len(operations) >= 14
    ids = [operation["operationId"] for operation in operations]
    assert len(ids) == len(set(ids))
    for operation in operations:
        assert operation["summary"]
        assert operation["description"]
        assert operation["tags"]
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                assert list(answer["content"]) == ["application/problem+json"]


def test_every_parameter_is_described(document: dict[str, Any]) -> None:
    for path in document["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", []):
                assert parameter.get("description"), f"{operation['operationId']}: {parameter['name']}"
                assert re.fullmatch(r"[a-z_]+", parameter["name"])


Case = schemathesis.Case[Any]

DOCUMENT = create_app(Path()).openapi()
contract = schemathesis.openapi.from_dict(DOCUMENT).exclude(operation_id="add_user")
"""The first account would shut everybody else out; it has a server of its own below."""

QUICK = SchemathesisConfig.from_dict({"phases": {"coverage": {"enabled": False}}})
"""Random requests only; every boundary of every parameter is for the slow tier."""

sketch = schemathesis.openapi.from_dict(DOCUMENT, config=QUICK).exclude(operation_id="add_user")
accounts = schemathesis.openapi.from_dict(DOCUMENT).include(operation_id="add_user")
NOT_OURS: list[Any] = [positive_data_acceptance]
"""No schema can say which cursor, colour or region this server takes; it answers 422 with a code."""

RELAXED = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much]


@sketch.parametrize()
@settings(max_examples=4, deadline=None, suppress_health_check=RELAXED)
def test_the_server_keeps_the_contract(case: Case, served: tuple[str, ServerState]) -> None:
    case.call_and_validate(base_url=served[0], timeout=30, excluded_checks=NOT_OURS)


@pytest.mark.slow
@contract.parametrize()
@settings(max_examples=100, deadline=None, suppress_health_check=RELAXED)
def test_the_contract_at_length(case: Case, served: tuple[str, ServerState]) -> None:
    case.call_and_validate(base_url=served[0], timeout=30, excluded_checks=NOT_OURS)


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    world = build_world(tmp_path_factory.mktemp("apart"))
    with serving(world) as (address, _):
        yield address
    world.close()


@accounts.parametrize()
@settings(max_examples=20, deadline=None, suppress_health_check=RELAXED)
def test_making_accounts_keeps_the_contract(case: Case, apart: str) -> None:
    case.call_and_validate(base_url=apart, timeout=30, excluded_checks=NOT_OURS)
