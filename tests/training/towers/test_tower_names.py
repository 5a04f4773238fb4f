"""The names a configuration may use are those of the towers there are."""

from __future__ import annotations

import pytest

from tusou.training.towers.image.registry import IMAGE_TOWERS
from tusou.training.towers.names import IMAGE_NAMES, TEXT_NAMES
from tusou.training.towers.text.registry import TEXT_TOWERS

pytestmark = pytest.mark.train


def test_names_are_those_of_the_registries() -> None:
    assert tuple(IMAGE_TOWERS) == IMAGE_NAMES
    assert tuple(TEXT_TOWERS) == TEXT_NAMES
