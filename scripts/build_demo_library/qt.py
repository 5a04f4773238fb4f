"""Read what Qt applications carry: resource bundles (.rcc), message catalogues (.qm), strings in QML.

The formats are those of Qt's own ``qresource.cpp`` and ``qtranslator.cpp``: big-endian, with offsets.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator

_DIRECTORY = 0x02
_ZLIB = 0x01
_ZSTD = 0x04
_QM_MAGIC = bytes.fromhex("3cb86418caef9c95cd211cbf60a1bddd")
_QM_HASHES = 0x42
_QM_MESSAGES = 0x69
_QM_END, _QM_TRANSLATION, _QM_OBSOLETE, _QM_SOURCE, _QM_CONTEXT, _QM_COMMENT = 1, 3, 5, 6, 7, 8


def read_rcc(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield (path, contents) of every file in a resource bundle.

    Raises:
        ValueError: Not a resource bundle, or packed with zstd.
    """
    if data[:4] != b"qres":
        raise ValueError("not a Qt resource bundle: it must start with 'qres'")
    version, tree, contents, names = struct.unpack_from(">IIII", data, 4)
    size = 22 if version >= 2 else 14  # version 2 added a time stamp

    def name_at(offset: int) -> str:
        (length,) = struct.unpack_from(">H", data, names + offset)
        start = names + offset + 6  # length and hash
        return data[start : start + 2 * length].decode("utf-16-be")

    def walk(node: int, folder: str) -> Iterator[tuple[str, bytes]]:
        start = tree + node * size
        name, flags = struct.unpack_from(">IH", data, start)
        path = f"{folder}/{name_at(name)}".lstrip("/") if node else ""
        if flags & _DIRECTORY:
            count, first = struct.unpack_from(">II", data, start + 6)
            for child in range(first, first + count):
                yield from walk(child, path)
            return
        (offset,) = struct.unpack_from(">I", data, start + 10)
        (length,) = struct.unpack_from(">I", data, contents + offset)
        begin = contents + offset + 4
        yield path, _unpacked(data[begin : begin + length], flags, path)

    return walk(0, "")


def _unpacked(raw: bytes, flags: int, path: str) -> bytes:
    if flags & _ZSTD:
        raise ValueError(f"{path} is packed with zstd, which the standard library cannot read")
    return zlib.decompress(raw[4:]) if flags & _ZLIB else raw  # the first four bytes are the length


def read_qm(data: bytes) -> dict[str, str]:
    """Return source text to translation, whatever the context; the first translation of a text stands.

    Raises:
        ValueError: Not a message catalogue.
    """
    if data[:16] != _QM_MAGIC:
        raise ValueError("not a Qt message catalogue: wrong first 16 bytes")
    sections: dict[int, bytes] = {}
    position = 16
    while position < len(data):
        tag, length = struct.unpack_from(">BI", data, position)
        sections[tag] = data[position + 5 : position + 5 + length]
        position += 5 + length
    messages: dict[str, str] = {}
    for _, offset in struct.iter_unpack(">II", sections.get(_QM_HASHES, b"")):
        source, translation = _message(sections[_QM_MESSAGES], offset)
        if source and translation:
            messages.setdefault(source, translation)
    return messages


def _message(data: bytes, position: int) -> tuple[str, str]:
    source = translation = ""
    while (tag := data[position]) != _QM_END:
        if tag == _QM_OBSOLETE:
            position += 5
            continue
        if tag not in (_QM_TRANSLATION, _QM_SOURCE, _QM_CONTEXT, _QM_COMMENT):
            raise ValueError(f"unknown tag {tag} in a message catalogue")
        (length,) = struct.unpack_from(">I", data, position + 1)
        length = 0 if length == 0xFFFFFFFF else length
        value = data[position + 5 : position + 5 + length]
        if tag == _QM_SOURCE:
            source = value.decode("utf-8")
        elif tag == _QM_TRANSLATION:
            translation = translation or value.decode("utf-16-be")  # plural forms follow the singular
        position += 5 + length
    return source, translation


_STRING = r'"((?:[^"\\]|\\.)*)"'
_PROPERTY = re.compile(rf'"?(\w+)"?\s*:\s*(?:qsTr\(\s*)?{_STRING}')


def read_objects(text: str) -> list[dict[str, str]]:
    """Return the string properties of every innermost ``{ … }`` of a QML or JavaScript file."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    blocks = re.findall(r"\{([^{}]*)\}", text)
    objects = [{key: _unescape(value) for key, value in _PROPERTY.findall(block)} for block in blocks]
    return [found for found in objects if found]


def read_property(text: str, name: str) -> str:
    """Return the string a QML ``property string NAME: qsTr("…")`` is given; empty when there is none."""
    match = re.search(rf"property\s+string\s+{name}\s*:\s*(?:qsTr\(\s*)?{_STRING}", text)
    return _unescape(match[1]) if match else ""


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: {"n": "\n", "t": "\t"}.get(match[1], match[1]), text)
