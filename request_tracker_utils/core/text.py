"""Text that people type, paste, scan and import: invisible characters are removed, and a character that is refused is named."""

JOINERS = "\u200c\u200d"
"""Zero-width joiner and non-joiner: the spelling of names in Persian, Hindi and other languages needs them."""
_SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_INVISIBLE = "\u00ad\u200b\u2060\ufeff" + "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Soft hyphen, zero-width spaces and byte order mark, then direction marks."""
_CLEANED = str.maketrans(_SPACES, " " * len(_SPACES), _INVISIBLE)
_WITHOUT_JOINERS = str.maketrans("", "", JOINERS)


def clean(text: str) -> str:
    """No-break and other spaces become spaces; soft hyphens, zero-width spaces and direction marks are removed. Joiners stay."""
    return text if text.isascii() else text.translate(_CLEANED)


def clean_identifier(text: str) -> str:
    """Without joiners too: they would make two identifiers of one."""
    return text if text.isascii() else text.translate(_CLEANED).translate(_WITHOUT_JOINERS)


def unprintable_character(text: str) -> str:
    """The name of the first character that can be neither printed nor joins letters, such as `U+0007`; empty if there is none."""
    if text.isprintable():
        return ""
    return next((character_name(each) for each in text if not each.isprintable() and each not in JOINERS), "")


def character_name(character: str) -> str:
    """The character as an error names it: `U+0007`, or `“é” (U+00E9)` where it is visible."""
    code = f"U+{ord(character):04X}"
    return f"“{character}” ({code})" if character.isprintable() and not character.isspace() else code
