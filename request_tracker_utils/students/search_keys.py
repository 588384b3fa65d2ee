"""How names, identifiers, tags and serial numbers are compared and searched: without case, accents and doubled blanks."""

import unicodedata

LAST = "\U0010ffff"
"""Stands behind every letter."""


def key(text: str) -> str:
    """What two spellings of one name have in common: `Müller`, `MULLER` and `muller` are one."""
    text = text.replace("\0", "\ufffd")  # which PostgreSQL would not take, and nothing is called
    if text.isascii():
        return " ".join(text.lower().split())
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(each for each in decomposed if not unicodedata.combining(each)).casefold().split())


def end_of(beginning: str) -> str:
    """The end of the range of keys that begin so."""
    return beginning + LAST
