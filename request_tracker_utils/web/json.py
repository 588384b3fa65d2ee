"""JSON as callers send and get it."""

from typing import Any

from flask.json.provider import DefaultJSONProvider

from request_tracker_utils.core.errors import Invalid

SURROGATE = "\\ud"
"""Beginning of an escape that stands for half a character, in small letters."""


class ShallowJson(DefaultJSONProvider):
    """Keeps the order of keys, and takes JSON that others would read otherwise, or not at all, for what it is: bad input."""

    sort_keys = False

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Raises Invalid for text that is not JSON, for a key given twice, for NaN and Infinity, for half a character (a surrogate
        without its other half), and for nesting past all sense."""
        try:
            text = s if isinstance(s, str) else s.decode("utf-8-sig")
            value = super().loads(text, object_pairs_hook=_once_each, parse_constant=_no_number, **kwargs)
            if SURROGATE in text.lower():
                self.dumps(value, ensure_ascii=False).encode()
        except RecursionError:
            raise Invalid("The JSON is nested too deeply.") from None
        except UnicodeError:
            raise Invalid("The text is not UTF-8, or holds half a character.") from None
        except ValueError as error:
            raise Invalid(f"This is not JSON: {error}.") from None
        return value


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two values for one key programs choose differently, and what one checked another would carry out."""
    named = dict(pairs)
    if len(named) < len(pairs):
        raise Invalid("A key stands twice in one JSON object.")
    return named


def _no_number(constant: str) -> Any:
    raise Invalid(f"{constant} is not JSON.")
