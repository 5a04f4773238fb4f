"""A library's own keywords become words of its dictionary, for documents and queries alike."""

from __future__ import annotations

from pathlib import Path

from tusou.text.user_words import NAME, UserWords


def test_keywords_are_learned_once_and_kept_whole(tmp_path: Path) -> None:
    words = UserWords(tmp_path)
    words.learn(["图搜引擎", "圖搜引擎", "汽车", "red", "3D打印", "一二三四五六七"])
    words.learn(["图搜引擎"])
    assert (tmp_path / NAME).read_text("utf-8") == "图搜引擎\n"
    assert [term.surface for term in words.analyzer.terms("我的图搜引擎")] == ["我", "的", "图搜引擎"]


def test_readers_follow_the_file(tmp_path: Path) -> None:
    reader, writer = UserWords(tmp_path), UserWords(tmp_path)
    assert not reader.analyzer.knows("图搜引擎")
    writer.learn(["图搜引擎"])
    reader.follow()
    writer.learn(["云南丽江古"])
    reader.follow()
    assert reader.analyzer.knows("图搜引擎")
    assert reader.analyzer.knows("云南丽江古")
    assert UserWords(tmp_path).analyzer.knows("图搜引擎")


def test_a_torn_or_foreign_file_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes("图搜引擎\n\nnot a word\n丽".encode()[:-1])
    assert UserWords(tmp_path).analyzer.knows("图搜引擎")


def test_a_file_begun_anew_is_read_from_its_start(tmp_path: Path) -> None:
    writer = UserWords(tmp_path)
    writer.learn(["图搜引擎", "云南丽江古"])
    reader = UserWords(tmp_path)
    (tmp_path / NAME).write_text("大理洱海边\n", "utf-8")
    reader.follow()
    assert reader.analyzer.knows("大理洱海边")
