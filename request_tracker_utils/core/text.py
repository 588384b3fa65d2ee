"""Text that people type, paste, scan and import: invisible characters are removed, texts are compared by their search keys, and characters
that are refused are named. And lists of words as people read them."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from request_tracker_utils.core.translation import gettext as _

MAX_NAMED = 3
"""Most characters that one error names."""
JOINERS = "\u200c\u200d"
"""Zero-width joiner and non-joiner: the spelling of names in Persian, Hindi and other languages needs them."""
_SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_INVISIBLE = "\u00ad\u200b\u2060\ufeff" + "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Soft hyphen, zero-width spaces and byte order mark, then direction marks."""
_UNCLEAN = re.compile(f"[{_SPACES}{_INVISIBLE}]")
_CLEANED = str.maketrans(_SPACES, " " * len(_SPACES), _INVISIBLE)
_WITHOUT_JOINERS = str.maketrans("", "", JOINERS)
_CONTROLS = (
    "NULL, START OF HEADING, START OF TEXT, END OF TEXT, END OF TRANSMISSION, ENQUIRY, ACKNOWLEDGE, BELL, BACKSPACE, TAB, LINE FEED, "
    "LINE TABULATION, FORM FEED, CARRIAGE RETURN, SHIFT OUT, SHIFT IN, DATA LINK ESCAPE, DEVICE CONTROL ONE, DEVICE CONTROL TWO, "
    "DEVICE CONTROL THREE, DEVICE CONTROL FOUR, NEGATIVE ACKNOWLEDGE, SYNCHRONOUS IDLE, END OF TRANSMISSION BLOCK, CANCEL, "
    "END OF MEDIUM, SUBSTITUTE, ESCAPE, FILE SEPARATOR, GROUP SEPARATOR, RECORD SEPARATOR, UNIT SEPARATOR"
)
CONTROL_NAMES = {**{chr(code): name for code, name in enumerate(_CONTROLS.split(", "))}, "\x7f": "DELETE", "\x85": "NEXT LINE"}
"""Names of control characters, which `unicodedata` does not have."""


def clean(text: str) -> str:
    """No-break and other spaces become spaces; soft hyphens, zero-width spaces and direction marks are removed. Joiners stay."""
    return text if text.isascii() or not _UNCLEAN.search(text) else text.translate(_CLEANED)


def clean_identifier(text: str) -> str:
    """Without joiners too: they would make two identifiers of one."""
    return text if text.isascii() else text.translate(_CLEANED).translate(_WITHOUT_JOINERS)


def search_key(text: str) -> str:
    """A name, number, tag or serial number without case, accents, repeated spaces and invisible characters: equal for `Müller`, `MULLER`
    and `muller`."""
    text = text.replace("\0", "\ufffd")  # PostgreSQL does not store NUL
    if text.isascii():
        return " ".join(text.lower().split())
    decomposed = unicodedata.normalize("NFKD", clean_identifier(text).casefold())
    return " ".join("".join(each for each in decomposed if not unicodedata.combining(each)).casefold().split())


def unprintable_character(text: str) -> str:
    """The name of the first character that can be neither printed nor joins letters, such as `U+0007 (BELL)`; empty if there is none."""
    if text.isprintable():
        return ""
    return next((character_name(each) for each in text if not each.isprintable() and each not in JOINERS), "")


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


def joined(words: Sequence[str], *, most: int = 4) -> str:
    """`a, b and c`; the first ones if there are more than `most`."""
    if len(words) > most:
        shown, others = words[: most - 1], len(words) - most + 1
        return _("%(names)s and %(count)s others", names=", ".join(shown), count=others)
    if len(words) < 2:
        return "".join(words)
    return _("%(names)s and %(last)s", names=", ".join(words[:-1]), last=words[-1])
