"""Characters of texts that people enter: how they are named in errors."""

import unicodedata
from collections.abc import Iterable

from request_tracker_utils.core.translation import gettext as _

MAX_NAMED = 3
"""Most characters that one error names."""
_CONTROLS = [
    "NULL",
    "START OF HEADING",
    "START OF TEXT",
    "END OF TEXT",
    "END OF TRANSMISSION",
    "ENQUIRY",
    "ACKNOWLEDGE",
    "BELL",
    "BACKSPACE",
    "TAB",
    "LINE FEED",
    "LINE TABULATION",
    "FORM FEED",
    "CARRIAGE RETURN",
    "SHIFT OUT",
    "SHIFT IN",
    "DATA LINK ESCAPE",
    "DEVICE CONTROL ONE",
    "DEVICE CONTROL TWO",
    "DEVICE CONTROL THREE",
    "DEVICE CONTROL FOUR",
    "NEGATIVE ACKNOWLEDGE",
    "SYNCHRONOUS IDLE",
    "END OF TRANSMISSION BLOCK",
    "CANCEL",
    "END OF MEDIUM",
    "SUBSTITUTE",
    "ESCAPE",
    "FILE SEPARATOR",
    "GROUP SEPARATOR",
    "RECORD SEPARATOR",
    "UNIT SEPARATOR",
]
CONTROL_NAMES = {**{chr(number): name for number, name in enumerate(_CONTROLS)}, "\x7f": "DELETE", "\x85": "NEXT LINE"}
"""Names of control characters, which `unicodedata` does not have."""


def character_name(character: str) -> str:
    """How an error names one character, so that a person finds it: `“é” (U+00E9)`; `U+0007 (BELL)` if it cannot be seen; a space."""
    if character == " ":
        return _("a space")
    code = f"U+{ord(character):04X}"
    if character.isprintable() and not unicodedata.category(character).startswith("M"):  # a mark joins the character before it
        return f"“{character}” ({code})"
    name = CONTROL_NAMES.get(character) or unicodedata.name(character, "")
    return f"{code} ({name})" if name else code


def character_names(characters: Iterable[str]) -> str:
    """Each character once, in the order of their first appearance; after MAX_NAMED, `…`."""
    distinct = list(dict.fromkeys(characters))
    names = [character_name(each) for each in distinct[:MAX_NAMED]]
    return ", ".join([*names, "…"] if len(distinct) > MAX_NAMED else names)
