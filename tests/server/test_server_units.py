"""Small parts of the server: cursors, filters, languages, addresses."""

from __future__ import annotations

import math
import socket
from dataclasses import replace

import pytest

from search_builders import a_record
from tusou.errors import QueryError, ServeError
from tusou.server.cursors import cursor_of, offset_of
from tusou.server.filters import FilterObject, closed_range, parse_range
from tusou.server.home import common_words, in_turn, showy
from tusou.server.parameters import language, parse_region
from tusou.server.run import bind, is_loopback, page_address
from tusou.types import Filters, Range, Region, SearchRequest

REQUEST = SearchRequest(q="雪山", filters=Filters(supplier=("a",)), image=b"picture")


def test_a_cursor_comes_back() -> None:
    assert offset_of(cursor_of(REQUEST, 120), REQUEST) == 120


def test_a_cursor_lets_the_form_of_the_answer_change() -> None:
    other = replace(REQUEST, offset=60, limit=7, explain=True, facets=True, lang="zh")
    assert offset_of(cursor_of(REQUEST, 120), other) == 120


@pytest.mark.parametrize(
    "other",
    [
        replace(REQUEST, q="雪"),
        replace(REQUEST, filters=Filters(supplier=("b",))),
        replace(REQUEST, image=b"another"),
        replace(REQUEST, sort="newest"),
        replace(REQUEST, region=Region(0, 0, 0.5, 0.5)),
    ],
)
def test_a_cursor_belongs_to_one_search(other: SearchRequest) -> None:
    with pytest.raises(QueryError, match="another search"):
        offset_of(cursor_of(REQUEST, 120), other)


@pytest.mark.parametrize("cursor", ["", "x", "AAAA", "☃", cursor_of(REQUEST, 1) + "AAAA"])
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(QueryError):
        offset_of(cursor, REQUEST)


def test_open_bounds_become_the_next_number() -> None:
    found = closed_range({"gt": 2.0, "lt": 3.0, "gte": 1.0})
    assert found == Range(math.nextafter(2.0, 9), math.nextafter(3.0, 0))
    assert closed_range({}) is None
    assert closed_range({"eq": 5.0}) == Range(5.0, 5.0)


def test_ranges_of_the_address() -> None:
    assert parse_range(None) is None
    assert parse_range("3-6") == Range(3, 6)
    assert parse_range("0.5-") == Range(0.5, None)
    assert parse_range("-12") == Range(None, 12)


def test_an_empty_filter_object_filters_nothing() -> None:
    assert FilterObject().to_filters() == Filters()


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "en"),
        ("zh-TW", "zh"),
        ("en;q=0.3, zh;q=0.9", "zh"),
        ("fr, de", "en"),
        ("zh;q=x, en", "en"),
        (",,;q=", "en"),
    ],
)
def test_language_of_a_header(header: str, expected: str) -> None:
    assert language("auto", header) == expected
    assert language("zh", header) == "zh"


def test_regions() -> None:
    assert parse_region(None) is None
    assert parse_region("0.25,0,0.5,1") == Region(0.25, 0, 0.5, 1)
    with pytest.raises(QueryError):
        parse_region("0,0,0,1")


def test_loopback() -> None:
    assert all(is_loopback(host) for host in ("127.0.0.1", "127.8.8.8", "::1", "localhost"))
    assert not any(is_loopback(host) for host in ("0.0.0.0", "192.168.1.2", "::", "host"))


def test_a_port_in_use_names_the_port_and_the_option() -> None:
    with bind("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(ServeError, match=rf"port {port} .*--port") as caught:
            bind("127.0.0.1", port)
    assert caught.value.reason == "port_in_use"


def test_an_address_of_another_machine_cannot_be_had() -> None:
    with pytest.raises(ServeError):
        bind("192.0.2.1", 0)


@pytest.mark.parametrize(
    ("host", "start"), [("127.0.0.1", "http://127.0.0.1:"), ("0.0.0.0", "http://localhost:")]
)
def test_page_address(host: str, start: str) -> None:
    with bind(host, 0) as listener:
        assert page_address(listener).startswith(start)
        assert isinstance(listener, socket.socket)


def test_examples_are_words_that_suppliers_share() -> None:
    records = [
        a_record(0, supplier="a", keywords_en=("clip art", "source123", "car"), keywords_zh=("汽车",)),
        a_record(1, supplier="a", keywords_en=("clip art", "Cat"), keywords_zh=("abc",)),
        a_record(2, supplier="b", keywords_en=("cat",)),
    ]
    assert common_words(records, "en")[:2] == ("cat", "clip art")
    assert common_words(records, "zh") == ("汽车",)


def test_the_mosaic_takes_suppliers_in_turn_and_bytes_once() -> None:
    first = [a_record(0), a_record(1)]
    second = [a_record(2, sha256=first[0].sha256), a_record(3)]
    assert [record.row for record in in_turn([first, second], 3)] == [0, 1, 3]
    wide = a_record(4, width=4000, height=100)
    assert showy([wide, first[0]])[-1] is wide
