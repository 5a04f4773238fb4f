"""How fast suggestions are made and looked up: as many made-up phrases as are kept, half of them Chinese.

.venv/bin/python benchmarks/suggestions.py
"""

from __future__ import annotations

import random
import resource
import time

from tusou.search.suggest import SuggestionTable
from tusou.search.vocabulary import MOST_PHRASES, Phrase, language_of

SYLLABLES = ("ka", "mo", "ri", "ten", "lo", "sun", "ber", "dge", "st", "ar", "ing", "ow", "el", "ip")
TYPED = ("s", "ka", "kamo", "xs", "zhong", "karimosun", "karimozun tenlo")
ROUNDS = 200


def phrases(count: int) -> list[Phrase]:
    """Different phrases whose counts fall off as a power law."""
    rng = random.Random(0)
    han = [chr(0x4E00 + rng.randrange(0x2000)) for _ in range(3000)]
    texts: set[str] = set()
    while len(texts) < count:
        if rng.random() < 0.5:
            words = ("".join(rng.choices(SYLLABLES, k=rng.randint(2, 4))) for _ in range(rng.randint(1, 3)))
            texts.add(" ".join(words))
        else:
            texts.add("".join(rng.choices(han, k=rng.randint(2, 6))))
    return [
        Phrase(text, text, "keyword", language_of(text), int(rng.paretovariate(1))) for text in sorted(texts)
    ]


def main() -> None:
    """Print the figures."""
    made = phrases(MOST_PHRASES)
    SuggestionTable(made[:10])  # loads the dictionaries
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name in ("first", "again"):
        started = time.perf_counter()
        table = SuggestionTable(made)
        print(f"{name}: {time.perf_counter() - started:.2f} s for {len(table):,} phrases")
    print(
        f"memory: {(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024} MB for two tables"
    )
    for typed in TYPED:
        started = time.perf_counter()
        for _ in range(ROUNDS):
            table.suggest(typed, 8, "zh")
        print(f"{typed!r}: {(time.perf_counter() - started) / ROUNDS * 1000:.2f} ms")


if __name__ == "__main__":
    main()
