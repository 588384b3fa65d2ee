"""The format of a tag: a prefix and a number of at least four digits, which grows past them (`W12-9999`, `W12-10000`)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

LARGEST_NUMBER = 999_999_999
LONGEST_TAG = 26
"""Characters in the database's columns for tags."""
_DIGITS = re.compile(r"[0-9]{4,9}")


@dataclass(frozen=True)
class TagName:
    prefix: str
    number: int

    def __str__(self) -> str:
        return f"{self.prefix}{self.number:04d}"


def parse(text: str, prefix: str) -> TagName | None:
    """The tag, in the exact spelling of this program; None for anything else (`W12-00001` is not a tag)."""
    digits = text.removeprefix(prefix)
    if not text.startswith(prefix) or not _DIGITS.fullmatch(digits):
        return None
    name = TagName(prefix, int(digits))
    return name if name.number > 0 and str(name) == text else None


def parse_any(text: str, prefixes: Iterable[str]) -> TagName | None:
    """Like `parse`, with any of the prefixes."""
    return next((name for prefix in prefixes if (name := parse(text, prefix))), None)


def parse_ignoring_case(text: str, prefixes: Iterable[str]) -> TagName | None:
    """Like `parse_any`, with the prefix in any case, as people type it."""
    for prefix in prefixes:
        typed, rest = text[: len(prefix)], text[len(prefix) :]
        name = parse(prefix + rest, prefix) if typed.casefold() == prefix.casefold() else None
        if name is not None:
            return name
    return None


def claimed_number(text: str, prefix: str) -> int:
    """The number of the sequence that an asset's name uses up, even if it is not spelled like a tag (`W12-7`, `W12-00007`); else 0."""
    digits = text.removeprefix(prefix)
    if not text.startswith(prefix) or not digits.isascii() or not digits.isdigit():
        return 0
    return int(digits) if len(digits.lstrip("0")) <= 9 else 0
