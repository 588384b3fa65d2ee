"""Text that no spreadsheet takes for a formula, and the same text as it was before.

An apostrophe stands before what would begin a formula, and one more before text that looks as if it had got one. So taking one away
gives every text back, also a name that begins with a sign.
"""

import re

_BEGINNING = re.compile(r"'*[=+\-@\t\r]")
"""What a spreadsheet takes for the beginning of a formula, perhaps with apostrophes before it."""
_INNER = re.compile(r"([;\t]\s*)('*[=+\-@])")
"""The same behind a semicolon or a tab, at which spreadsheets of many countries divide columns."""
_DISARMED_INNER = re.compile(r"([;\t]\s*)'('*[=+\-@])")


def disarmed(text: str) -> str:
    """The text for a file that a spreadsheet may open."""
    if _BEGINNING.match(text):
        text = f"'{text}"
    return _INNER.sub(r"\1'\2", text) if ";" in text or "\t" in text else text


def rearmed(text: str) -> str:
    """What was `disarmed`; other text stays as it is."""
    if "'" not in text:
        return text
    text = _DISARMED_INNER.sub(r"\1\2", text)
    return text[1:] if text.startswith("'") and _BEGINNING.match(text) else text
