"""Writing AssetSQL that means what it says."""

import unicodedata

from request_tracker_utils.integrations.rt.errors import RtInvalid


def quoted(text: str) -> str:
    """`text` as a value in AssetSQL. Raises RtInvalid for control characters, which no name or serial number holds."""
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise RtInvalid("The text holds control characters, such as a line break or a tab. Remove them.")
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def pattern(text: str) -> str:
    """`text` for LIKE and STARTSWITH: a backslash escapes on some databases and is a letter on others; any letter suits both.

    More may be found than was asked for, never less.
    """
    return text.replace("\\", "_")
