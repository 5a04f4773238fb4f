"""The one way words enter: normalise, detect language, segment."""

from tusou.text.analyze import Analyzer, Term, Tokens, analyze, default_analyzer
from tusou.text.language import detect_language
from tusou.text.normalize import normalize
from tusou.text.user_words import UserWords

__all__ = [
    "Analyzer",
    "Term",
    "Tokens",
    "UserWords",
    "analyze",
    "default_analyzer",
    "detect_language",
    "normalize",
]
