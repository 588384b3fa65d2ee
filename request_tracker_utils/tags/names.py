"""What a tag looks like: a prefix and a number of at least four digits, growing past them (`W12-9999`, `W12-10000`)."""

import re
from dataclasses import dataclass

ADOPT_TAGS = "adopt-tags"
"""The job that takes over tags which the asset store holds already, before a sequence gives its first one."""
CONFIRM_TAGS = "confirm-tags"
"""The job that makes sure that the asset store has the name of each tag."""
SWEEP_UNTAGGED = "sweep-untagged"
"""The job that finds assets without a tag."""

LARGEST_NUMBER = 999_999_999
LONGEST_TAG = 26
"""Characters that a column of tags holds."""
_DIGITS = re.compile(r"[0-9]{4,9}")


@dataclass(frozen=True)
class TagName:
    prefix: str
    number: int

    def __str__(self) -> str:
        return f"{self.prefix}{self.number:04d}"


def parse(text: str, prefix: str) -> TagName | None:
    """The tag that the text is, spelt as this program spells it; None for anything else (`W12-00001` is no tag)."""
    digits = text.removeprefix(prefix)
    if not text.startswith(prefix) or not _DIGITS.fullmatch(digits):
        return None
    name = TagName(prefix, int(digits))
    return name if name.number > 0 and str(name) == text else None


def number_claimed_by(text: str, prefix: str) -> int:
    """The number that a name takes out of the sequence, also when it is spelt otherwise (`W12-7`, `W12-00007`); 0 for none."""
    digits = text.removeprefix(prefix)
    if not text.startswith(prefix) or not digits.isascii() or not digits.isdigit():
        return 0
    return int(digits) if len(digits.lstrip("0")) <= 9 else 0
