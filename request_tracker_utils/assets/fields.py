"""What somebody says of an asset that is to be created, checked. One set of rules for the form, the API, lists and files."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from request_tracker_utils.assets.errors import FieldMissing, FieldUnfit

SERIAL = re.compile(r"[A-Za-z0-9-]+")
LONGEST = {
    "serial_number": 50,
    "internal_name": 100,
    "manufacturer": 100,
    "model": 100,
    "category": 50,
    "funding_source": 100,
    "catalog": 100,
}
"""Field → most characters, in the order in which problems are told. From the contract of batch creation, all but the catalog's."""
REQUIRED = ("serial_number", "manufacturer", "model")
FIELDS = tuple(LONGEST)


@dataclass(frozen=True)
class Problem:
    """`rule` says what holds for the field; empty where the field is missing."""

    field: str
    message: str
    rule: str = ""

    def error(self) -> FieldMissing | FieldUnfit:
        if not self.rule:
            return FieldMissing(self.message, field=self.field)
        return FieldUnfit(self.message, field=self.field, validation_rule=self.rule)


@dataclass(frozen=True)
class Wanted:
    """An asset as it is to be; every text is trimmed, and empty where nothing was said."""

    serial_number: str
    manufacturer: str
    model: str
    internal_name: str = ""
    category: str = ""
    funding_source: str = ""
    catalog: str = ""

    @property
    def description(self) -> str:
        return f"{self.manufacturer} {self.model}"


def key(serial: str) -> str:
    """What two spellings of one serial number have in common. It is ASCII, so every database folds it alike."""
    return serial.lower()


def problems(values: Mapping[str, str]) -> Iterator[Problem]:
    """Everything that keeps these values from being an asset, in the order of the fields."""
    for field, longest in LONGEST.items():
        text = values.get(field, "").strip()
        if not text:
            if field in REQUIRED:
                yield Problem(field, f"Missing required field: {field}")
        elif problem := _unfit(field, text, longest):
            yield problem


def serial_problem(serial: str) -> Problem | None:
    """What is wrong with the serial number alone."""
    return next((problem for problem in problems({"serial_number": serial}) if problem.field == "serial_number"), None)


def checked(values: Mapping[str, str]) -> Wanted:
    """Raises FieldMissing and FieldUnfit for the first problem."""
    for problem in problems(values):
        raise problem.error()
    return Wanted(**{field: values.get(field, "").strip() for field in FIELDS})


def _unfit(field: str, text: str, longest: int) -> Problem | None:
    name = field.replace("_", " ").capitalize()
    if len(text) > longest:
        return Problem(field, f"{name} is longer than {longest} characters", f"at most {longest} characters")
    if field == "serial_number" and not SERIAL.fullmatch(text):
        return Problem(field, "Serial number contains invalid characters", "alphanumeric and hyphens only")
    if not text.isprintable():
        return Problem(field, f"{name} contains invalid characters", "no line breaks or other control characters")
    return None
