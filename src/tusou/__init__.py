"""tusou (图搜): search a licensed image library by words and by picture, in Chinese and English."""

__version__ = "0.1.0"
__all__ = ["__version__"]
