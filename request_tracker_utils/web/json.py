"""JSON as callers send and get it."""

from typing import Any

from flask.json.provider import DefaultJSONProvider


class ShallowJson(DefaultJSONProvider):
    """Keeps the order of keys, and takes JSON that is nested past all sense for what it is: bad input."""

    sort_keys = False

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        try:
            return super().loads(s, **kwargs)
        except RecursionError:
            raise ValueError("nested too deeply") from None
