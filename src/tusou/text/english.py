"""Fold the forms of an English word into one stem."""

from __future__ import annotations

from functools import cache

import Stemmer

_FORMS = """
axes:axe buses:bus cacti:cactus calves:calf children:child feet:foot fungi:fungus gases:gas geese:goose
halves:half hooves:hoof knives:knife leaves:leaf lens:lense lenses:lense lives:life loaves:loaf men:man
mice:mouse octopi:octopus oxen:ox people:person quizzes:quiz scarves:scarf shelves:shelf teeth:tooth
thieves:thief wives:wife wolves:wolf women:woman
aeroplane:airplane aeroplanes:airplane centre:center centres:center colour:color colours:color
coloured:colored grey:gray jewellery:jewelry
"""
"""Plurals that the Porter stemmer's suffix rules miss; then British spellings of what pictures show."""

_IRREGULAR = dict(pair.split(":") for pair in _FORMS.split())
_ENDING_IN_S = frozenset({"canvas", "christmas", "iris", "rhinoceros"})
"""Singulars whose last letter the stemmer would take for a plural's."""


@cache
def _stemmer() -> Stemmer.Stemmer:
    return Stemmer.Stemmer("english")


def stem(word: str) -> str:
    """Stem one lower-case English word (Porter2, with irregular plurals; ``wolves`` as ``wolf``)."""
    if word in _ENDING_IN_S:
        return word
    stemmed: str = _stemmer().stemWord(_IRREGULAR.get(word, word))
    return stemmed
