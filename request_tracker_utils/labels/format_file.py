"""Reads files of label formats: ours (`formats.toml`, which explains every key) and a site's own."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from request_tracker_utils.labels.formats import SANS, LabelFormat
from request_tracker_utils.labels.validation import problems

BUILT_IN = Path(__file__).with_name("formats.toml")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_FORMAT = TypeAdapter(LabelFormat)
_REASONS = {
    "missing": "is missing",
    "unexpected_keyword_argument": "there is no such key",
    "float_type": "must be a number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "finite_number": "must be a number, not nan or inf",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list",
    "dataclass_type": "must be a table",
}


class FormatsInvalid(Exception):
    """A file of formats that cannot be used; `problems` names the file, each key and the reason."""

    def __init__(self, file: Path, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = [f"{file}: {problem}" for problem in problems]


def read_formats(file: Path) -> dict[str, LabelFormat]:
    """The formats of the file by name, each sound. Raises FormatsInvalid with everything that is wrong."""
    found: dict[str, LabelFormat] = {}
    wrong: list[str] = []
    for name, written in _tables(file).items():
        key = f"formats.{name}"
        try:
            label = _format(name, written, file.parent)
        except ValidationError as error:
            wrong += [f"{key}{_path(each['loc'])}: {_REASONS.get(each['type'], each['msg'])}" for each in error.errors(include_input=False)]
        else:
            found[name] = label
            wrong += [f"{key}.{problem}" for problem in problems(label)]
        if not _NAME.fullmatch(name):
            wrong.append(f"{key}: a name is letters, digits, dots, dashes and underscores, 60 at most")
    wrong += _claimed_twice(found)
    if wrong:
        raise FormatsInvalid(file, wrong)
    return found


def _tables(file: Path) -> Mapping[str, Any]:
    try:
        written = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise FormatsInvalid(file, [f"cannot be read: {error}"]) from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise FormatsInvalid(file, [f"is not TOML: {error}"]) from None
    formats = written.pop("formats", {})
    if written or not isinstance(formats, dict) or not formats:
        unknown = [f"{key}: there is no such key" for key in written]
        raise FormatsInvalid(file, unknown or ["formats: holds no format, such as [formats.cart]"])
    return formats


def _format(name: str, written: Any, folder: Path) -> LabelFormat:
    """What is written, strictly as it is written (JSON, unlike Python, has lists where the classes have tuples). Raises ValidationError."""
    if isinstance(written, dict) and "name" not in written:
        written = {"name": name, **written}
    label = _FORMAT.validate_json(json.dumps(written, default=str))
    files = {key: str(folder / value) for key in ("font", "bold_font") if (value := getattr(label, key)) not in ("", SANS)}
    logo = replace(label.logo, file=str(folder / label.logo.file)) if label.logo else None
    return replace(label, logo=logo, **files)  # type: ignore[arg-type]  # the values are names of files


def _path(keys: tuple[int | str, ...]) -> str:
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)


def _claimed_twice(formats: Mapping[str, LabelFormat]) -> Iterator[str]:
    for key in ("catalogs", "types"):
        holders: dict[str, str] = {}
        for label in formats.values():
            for claimed in getattr(label, key):
                holder = holders.setdefault(claimed.casefold(), label.name)
                if holder != label.name:
                    yield f"formats.{label.name}.{key}: “{claimed}” is claimed by formats.{holder} already"
