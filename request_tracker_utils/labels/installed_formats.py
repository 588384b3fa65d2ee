"""The label formats of this installation: built in (`formats.toml`, which documents every key) and from the site's file."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from request_tracker_utils.asset_store.service import Asset
from request_tracker_utils.core.settings import Settings, SettingsError
from request_tracker_utils.core.translation import gettext as _, gettext_noop
from request_tracker_utils.labels.errors import UnknownFormat
from request_tracker_utils.labels.formats import BUNDLED_FONT_NAME, LabelFormat
from request_tracker_utils.labels.renderer import LabelContent, can_print
from request_tracker_utils.labels.validation import problems

BUILT_IN_FILE = Path(__file__).with_name("formats.toml")

_TYPE_FIELD = "Type"
"""The custom field to which `types` of a format refers."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_FORMAT = TypeAdapter(LabelFormat)
_REASONS = {
    "missing": gettext_noop("is missing"),
    "unexpected_keyword_argument": gettext_noop("is not a known key"),
    "float_type": gettext_noop("must be a number"),
    "int_type": gettext_noop("must be a whole number"),
    "int_from_float": gettext_noop("must be a whole number"),
    "finite_number": gettext_noop("must be a finite number"),
    "string_type": gettext_noop("must be text"),
    "bool_type": gettext_noop("must be true or false"),
    "tuple_type": gettext_noop("must be a list"),
    "dataclass_type": gettext_noop("must be a table"),
}
"""By pydantic's error type."""


class InvalidFormatFile(Exception):
    """The format file cannot be used; `problems` names the file, each key and the reason."""

    def __init__(self, file: Path, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = [f"{file}: {problem}" for problem in problems]


@dataclass(frozen=True)
class InstalledFormats:
    """Formats by name, and the name of the default."""

    by_name: Mapping[str, LabelFormat]
    default: str

    def all(self) -> list[LabelFormat]:
        return list(self.by_name.values())

    def get(self, name: str) -> LabelFormat:
        """Raises UnknownFormat, which lists the installed formats."""
        if name not in self.by_name:
            names = ", ".join(self.by_name)
            message = _("The label format “%(name)s” does not exist. Choose one of: %(names)s.", name=name, names=names)
            raise UnknownFormat(message, field="size", known=list(self.by_name))
        return self.by_name[name]

    def for_asset(self, asset: Asset) -> LabelFormat:
        """The format of the asset's type, else of its catalog, else the default."""
        for key, value in (("types", asset.fields.get(_TYPE_FIELD, "")), ("catalogs", asset.catalog)):
            matching = (label for label in self.by_name.values() if value.casefold() in map(str.casefold, getattr(label, key)))
            if value and (label := next(matching, None)):
                return label
        return self.by_name[self.default]

    def fitting(self, content: LabelContent) -> list[LabelFormat]:
        """The formats that can print this label."""
        return [label for label in self.by_name.values() if can_print(label, content)]


@cache
def built_in_formats() -> InstalledFormats:
    return InstalledFormats(read_formats(BUILT_IN_FILE), "large")


def load_formats(settings: Settings) -> InstalledFormats:
    """The built-in formats and the site's, which replace those of the same name. Raises SettingsError with all problems of the site's
    file."""
    formats = dict(built_in_formats().by_name)
    if settings.label_formats_file:
        try:
            formats |= read_formats(settings.label_formats_file)
        except InvalidFormatFile as error:
            raise SettingsError([f"LABEL_FORMATS_FILE: {problem}" for problem in error.problems]) from None
    if settings.label_format not in formats:
        names = ", ".join(formats)
        reason = _("the label format “%(name)s” does not exist. Choose one of: %(names)s", name=settings.label_format, names=names)
        raise SettingsError([f"LABEL_FORMAT: {reason}"])
    return InstalledFormats(formats, settings.label_format)


def read_formats(file: Path) -> dict[str, LabelFormat]:
    """The formats of a file by name, each validated. Raises InvalidFormatFile with all problems."""
    formats: dict[str, LabelFormat] = {}
    found: list[str] = []
    for name, table in _tables(file).items():
        key = f"formats.{name}"
        try:
            label = _parse_format(name, table, file.parent)
        except ValidationError as error:
            found += [f"{key}{_path(each['loc'])}: {_reason(each['type'], each['msg'])}" for each in error.errors(include_input=False)]
        else:
            formats[name] = label
            found += [f"{key}.{problem}" for problem in problems(label)]
        if not _NAME.fullmatch(name):
            found.append(_("%(key)s: a name may contain letters, digits, dots, hyphens and underscores, 60 at most", key=key))
    found += _duplicate_claims(formats)
    if found:
        raise InvalidFormatFile(file, found)
    return formats


def _tables(file: Path) -> Mapping[str, Any]:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidFormatFile(file, [_("cannot be read: %(reason)s", reason=error)]) from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidFormatFile(file, [_("is not valid TOML: %(reason)s", reason=error)]) from None
    formats = content.pop("formats", {})
    if content or not isinstance(formats, dict) or not formats:
        unknown = [f"{key}: {_reason('unexpected_keyword_argument')}" for key in content]
        raise InvalidFormatFile(file, unknown or [_("formats: contains no format, such as [formats.cart]")])
    return formats


def _parse_format(name: str, table: Any, folder: Path) -> LabelFormat:
    """Parsed strictly through JSON, because JSON has lists where the classes have tuples. Raises ValidationError."""
    if isinstance(table, dict) and "name" not in table:
        table = {"name": name, **table}
    label = _FORMAT.validate_json(json.dumps(table, default=str))
    files = {key: str(folder / value) for key in ("font", "bold_font") if (value := getattr(label, key)) not in ("", BUNDLED_FONT_NAME)}
    logo = replace(label.logo, file=str(folder / label.logo.file)) if label.logo else None
    return replace(label, logo=logo, **files)  # type: ignore[arg-type]  # the values are file names


def _reason(error_type: str, default: str = "") -> str:
    return _(_REASONS[error_type]) if error_type in _REASONS else default


def _path(keys: tuple[int | str, ...]) -> str:
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)


def _duplicate_claims(formats: Mapping[str, LabelFormat]) -> Iterator[str]:
    for key in ("catalogs", "types"):
        claimed_by: dict[str, str] = {}
        for label in formats.values():
            for claimed in getattr(label, key):
                other = claimed_by.setdefault(claimed.casefold(), label.name)
                if other != label.name:
                    yield _(
                        "%(key)s: “%(value)s” already belongs to %(other)s",
                        key=f"formats.{label.name}.{key}",
                        value=claimed,
                        other=f"formats.{other}",
                    )
