"""The docs say what the code does: generated pages are fresh, links lead somewhere, nothing is left out."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tusou.cli.main import VERBS

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")])


def relative_links(text: str) -> list[str]:
    """Targets of Markdown links that point into the repository, anchors cut off."""
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    return [target.split("#")[0] for target in targets if not re.match(r"[a-z]+:|#", target)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    missing = [link for link in relative_links(page.read_text("utf-8")) if not (page.parent / link).exists()]
    assert missing == []


def test_link_check_finds_a_dead_link(tmp_path: Path) -> None:
    assert relative_links("see [a](b.md#part) and [c](https://example.org)") == ["b.md"]


def test_generated_reference_is_fresh() -> None:
    script = ROOT / "scripts" / "generate_reference.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\nrun {script.relative_to(ROOT)}"


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_both_readmes_show_the_two_commands_and_a_picture(readme: str) -> None:
    text = (ROOT / readme).read_text("utf-8")
    assert "make demo" in text
    assert "make test" in text
    assert re.search(r"!\[[^]]+\]\(docs/images/[^)]+\.png\)", text)


def test_both_readmes_have_the_same_sections() -> None:
    counts = [
        len(re.findall(r"^#+ ", (ROOT / name).read_text("utf-8"), re.MULTILINE))
        for name in ("README.md", "README.zh-CN.md")
    ]
    assert counts[0] == counts[1] > 3


def test_every_guide_concept_and_decision_is_reachable_from_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text("utf-8")
    pages = [page.relative_to(ROOT / "docs").as_posix() for page in ROOT.glob("docs/*/*.md")]
    assert [page for page in pages if page not in index] == []


def test_every_verb_stands_in_the_command_reference() -> None:
    reference = (ROOT / "docs" / "reference" / "cli.md").read_text("utf-8")
    assert [verb for verb in VERBS if f"## tusou {verb}\n" not in reference] == []
