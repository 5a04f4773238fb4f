"""Every image of Pillow's own test folder: no crash, no hang, bounded memory, a reason for each refusal."""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from hostile_corpus import pillow_images
from tusou.imaging.analyze import analyze_image
from tusou.imaging.embedded import read_embedded
from tusou.imaging.limits import Limits
from tusou.imaging.pool import GuardedPool, Outcome
from tusou.types import ImageAnalysis

REASONS = {
    "broken_image",
    "empty_file",
    "not_an_image",
    "out_of_memory",
    "too_many_frames",
    "too_many_pixels",
    "too_many_scans",
    "truncated",
    "unsupported_format",
}
MEMORY_MB = 2000


class Analyze:
    """Analyses files; tells the most memory its process ever held."""

    def prepare(self, path: Path) -> tuple[ImageAnalysis, int]:
        data = path.read_bytes()
        read_embedded(data)
        analysis, _ = analyze_image(data, Limits(), name=path.name)
        return analysis, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

    def finish(self, parts: Sequence[object]) -> Sequence[object]:
        return parts


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome[Path, tuple[ImageAnalysis, int]]]:
    paths = pillow_images()
    with GuardedPool[Path, tuple[ImageAnalysis, int]](
        Analyze, workers=2, seconds_per_item=20, memory_mb=MEMORY_MB
    ) as pool:
        return list(pool.map(paths))


@pytest.mark.hostile
def test_every_file_has_an_outcome(outcomes: list[Outcome[Path, tuple[ImageAnalysis, int]]]) -> None:
    assert sorted(outcome.item for outcome in outcomes) == list(pillow_images())
    reasons = Counter(outcome.error.reason for outcome in outcomes if outcome.error)
    assert set(reasons) <= REASONS, reasons  # no crash, no hang, nothing unexpected
    accepted = [outcome for outcome in outcomes if outcome.error is None]
    assert len(accepted) >= 600


@pytest.mark.hostile
def test_refusals_say_what_and_what_to_do(
    outcomes: list[Outcome[Path, tuple[ImageAnalysis, int]]],
) -> None:
    messages = {outcome.item.name: str(outcome.error) for outcome in outcomes if outcome.error}
    assert all(len(message) > 20 and " object at 0x" not in message for message in messages.values())


@pytest.mark.hostile
def test_memory_stays_bounded(outcomes: list[Outcome[Path, tuple[ImageAnalysis, int]]]) -> None:
    peaks = [outcome.result[1] for outcome in outcomes if outcome.result]
    assert max(peaks) < 800


@pytest.mark.hostile
def test_analyses_are_sound(outcomes: list[Outcome[Path, tuple[ImageAnalysis, int]]]) -> None:
    for outcome in outcomes:
        if outcome.result is None:
            continue
        analysis, _ = outcome.result
        assert analysis.width >= 1 <= analysis.height, outcome.item
        assert analysis.palette, outcome.item
        assert len(analysis.fingerprint) == 32, outcome.item
        values = [getattr(analysis.quality, name) for name in analysis.quality.__slots__]
        assert all(0 <= value < 1e6 for value in values), (outcome.item, analysis.quality)
