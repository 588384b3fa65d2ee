"""Reading and writing JSON."""

from typing import Any

from flask.json.provider import DefaultJSONProvider

from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.translation import gettext as _

SURROGATE = "\\ud"
"""Start of the escape of a surrogate, in lowercase."""


class StrictJson(DefaultJSONProvider):
    """Keeps the order of keys, and rejects JSON that parsers interpret differently or cannot read."""

    sort_keys = False

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Raises Invalid for text that is not JSON, duplicate keys, NaN and Infinity, unpaired surrogates, and excessive nesting."""
        try:
            text = s if isinstance(s, str) else s.decode("utf-8-sig")
            value = super().loads(text, object_pairs_hook=_unique_keys, parse_constant=_reject_constant, **kwargs)
            if SURROGATE in text.lower():
                self.dumps(value, ensure_ascii=False).encode()
        except RecursionError:
            raise Invalid(_("The JSON is nested too deeply.")) from None
        except UnicodeError:
            raise Invalid(_("The text is not valid UTF-8, or contains an unpaired surrogate.")) from None
        except ValueError as error:
            raise Invalid(_("This is not valid JSON: %(error)s.", error=error)) from None
        return value


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Parsers disagree about duplicate keys: what one checks, another would execute."""
    named = dict(pairs)
    if len(named) < len(pairs):
        raise Invalid(_("A JSON object contains the same key twice."))
    return named


def _reject_constant(constant: str) -> Any:
    raise Invalid(_("%(constant)s is not valid JSON.", constant=constant))
