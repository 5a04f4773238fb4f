"""Words that say nothing about a picture; dropped from queries only, and only when others are left."""

from __future__ import annotations

_ENGLISH = """
a an and are as at be by for from has have in into is it its of on or that the their there these this those to
was were which with image images picture pictures pic pics
"""
_CHINESE = """
的 地 得 了 着 过 和 与 及 或 在 是 有 这 那 个 只 张 一个 一只 一张 一些 一种 一幅 吗 呢 吧 啊 之 其
图片 图像
"""

STOP_WORDS = frozenset((_ENGLISH + _CHINESE).split())
"""Both languages together; normalised, not stemmed."""
