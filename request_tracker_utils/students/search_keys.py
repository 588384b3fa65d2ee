"""Search keys: names, numbers, tags and serial numbers without case, accents and repeated spaces, for comparison and prefix search."""

import unicodedata

_LAST = "\U0010ffff"
"""Sorts after every other character."""


def search_key(text: str) -> str:
    """Equal for all spellings of one name: `Müller`, `MULLER` and `muller`."""
    text = text.replace("\0", "\ufffd")  # PostgreSQL does not store NUL
    if text.isascii():
        return " ".join(text.lower().split())
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(each for each in decomposed if not unicodedata.combining(each)).casefold().split())


def range_end(prefix: str) -> str:
    """The upper bound of all keys that start with the prefix."""
    return prefix + _LAST
