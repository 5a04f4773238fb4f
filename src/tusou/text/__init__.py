"""The one way words enter: normalise, detect language, segment."""

from tusou.text.analyze import Analyzer, Term, Tokens, analyze, default_analyzer
from tusou.text.language import detect_language
from tusou.text.normalize import normalize

__all__ = ["Analyzer", "Term", "Tokens", "analyze", "default_analyzer", "detect_language", "normalize"]
