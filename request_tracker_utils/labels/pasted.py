"""What somebody pasted: tags, serial numbers and numbers of assets, one a line or divided by commas, semicolons, tabs or blanks."""

import re

from request_tracker_utils.asset_store.service import LARGEST_ID
from request_tracker_utils.core.errors import Invalid

MOST_ENTRIES = 10_000
LONGEST_ENTRY = 255
"""Characters; no tag and no serial number is longer."""
# Some scanners send control characters between what they read.
_BETWEEN = re.compile(r"[\s,;\x00-\x1f\x7f-\x9f]+")
_UNSEEN = re.compile(r"[\u200b-\u200f\u2060\ufeff]")
_NUMBER = re.compile(r"#?([0-9]{1,12})")


def entries(text: str) -> list[str]:
    """Each entry as it was written, in order. Raises Invalid for more than MOST_ENTRIES."""
    found = [entry for entry in _BETWEEN.split(_UNSEEN.sub("", text)) if entry]
    if len(found) > MOST_ENTRIES:
        raise Invalid(f"The list has {len(found):,} entries; at most {MOST_ENTRIES:,} go at once. Divide it.", field="lines")
    return found


def asset_number(entry: str) -> int | None:
    """The number of an asset that `#123` or `123` may be; None for anything else."""
    digits = _NUMBER.fullmatch(entry)
    number = int(digits.group(1)) if digits else 0
    return number if 0 < number <= LARGEST_ID else None


def may_be_serial(entry: str) -> bool:
    return not entry.startswith("#") and len(entry) <= LONGEST_ENTRY
