"""Marks sentences for translation. For all modules, also those that do not know Flask; `web/layout` installs the translator.

`from request_tracker_utils.core.translation import gettext as _`: the extractor looks for that name. Values go in by name, so that a
translation may put them in another order: `_("No device has the tag %(tag)s.", tag=tag)`.
"""

from collections.abc import Callable
from dataclasses import dataclass


def _plain(message: str, **values: object) -> str:
    return message % values if values else message


def _plain_plural(singular: str, plural: str, number: int, **values: object) -> str:
    return (singular if number == 1 else plural) % {"num": number, **values}


@dataclass
class _Translator:
    one: Callable[..., str] = _plain
    many: Callable[..., str] = _plain_plural


_translator = _Translator()


def install(one: Callable[..., str], many: Callable[..., str]) -> None:
    """`one` and `many` are called like gettext and ngettext below."""
    _translator.one, _translator.many = one, many


def gettext(message: str, **values: object) -> str:
    """The sentence in the caller's language. With values, a percent sign is written twice."""
    return _translator.one(message, **values)


def ngettext(singular: str, plural: str, number: int, **values: object) -> str:
    """The sentence for this many; `%(num)s` is the number."""
    return _translator.many(singular, plural, number, **values)


def gettext_noop(message: str) -> str:
    """Marks a constant that `gettext` translates where it is shown."""
    return message
