"""The fields of a new asset, validated: one set of rules for the form, the API, imports and commands."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from request_tracker_utils.asset_store.service import NewAsset
from request_tracker_utils.assets.errors import FieldInvalid, FieldMissing
from request_tracker_utils.core.settings import Settings
from request_tracker_utils.core.text import character_names, clean, unprintable_character
from request_tracker_utils.core.translation import gettext as _

SERIAL = re.compile(r"[A-Za-z0-9-]+")
NOT_SERIAL = re.compile(r"[^A-Za-z0-9-]")
MAX_LENGTHS = {
    "serial_number": 50,
    "internal_name": 100,
    "manufacturer": 100,
    "model": 100,
    "category": 50,
    "funding_source": 100,
    "catalog": 100,
}
"""Field → most characters, in the order in which problems are reported. From the contract of batch creation, except the catalog's."""
REQUIRED = ("serial_number", "manufacturer", "model")
FIELDS = tuple(MAX_LENGTHS)


@dataclass(frozen=True)
class FieldProblem:
    """`message` is the contract's. `rule` is the rule that the value breaks; empty if the field is missing. `characters` names the invalid
    ones."""

    field: str
    message: str
    rule: str = ""
    characters: str = ""

    @property
    def sentence(self) -> str:
        """The message for pages, imports and commands, which name the characters."""
        if not self.characters:
            return self.message
        return _("%(problem)s: %(characters)s", problem=self.message, characters=self.characters)

    def error(self, *, contract_words: bool = False) -> FieldMissing | FieldInvalid:
        message = self.message if contract_words else self.sentence
        if not self.rule:
            return FieldMissing(message, field=self.field)
        return FieldInvalid(message, field=self.field, validation_rule=self.rule)


@dataclass(frozen=True)
class NewAssetFields:
    """All texts are trimmed and cleaned. Those that are not set are empty."""

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


@dataclass(frozen=True)
class CreationSettings:
    """This installation's settings for new assets. `prefix` applies to catalogs without their own prefix; an empty `status` is the asset
    store's default."""

    prefix: str = "W12-"
    catalog: str = "General assets"
    status: str = ""
    internal_name_field: str = "Internal Name"
    category_field: str = "Category"
    funding_field: str = "Funding Source"

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        return cls(
            prefix=settings.prefix,
            catalog=settings.rt_catalog,
            status=settings.rt_asset_status,
            internal_name_field=settings.rt_internal_name_field,
            category_field=settings.rt_category_field,
            funding_field=settings.rt_funding_field,
        )

    def new_asset(self, fields: NewAssetFields) -> NewAsset:
        """The asset as the asset store takes it, still without a name."""
        custom_fields = {
            self.internal_name_field: fields.internal_name,
            self.category_field: fields.category,
            self.funding_field: fields.funding_source,
        }
        return NewAsset(
            name="",
            catalog=fields.catalog or self.catalog,
            serial=fields.serial_number,
            model=fields.model,
            manufacturer=fields.manufacturer,
            fields={name: value for name, value in custom_fields.items() if value},
            status=self.status,
        )


def serial_key(serial: str) -> str:
    """The same for all spellings of one serial number. It is ASCII, so every database folds it alike."""
    return serial.lower()


def field_problems(values: Mapping[str, str]) -> Iterator[FieldProblem]:
    """Everything that is wrong with these values, in the order of the fields."""
    for field, max_length in MAX_LENGTHS.items():
        text = _cleaned(field, values)
        if not text:
            if field in REQUIRED:
                yield FieldProblem(field, _("Missing required field: %(field)s", field=field))
        elif problem := _problem(field, text, max_length):
            yield problem


def serial_problem(serial: str) -> FieldProblem | None:
    """What is wrong with the serial number, regardless of other fields."""
    return next((problem for problem in field_problems({"serial_number": serial}) if problem.field == "serial_number"), None)


def validate(values: Mapping[str, str], *, contract_words: bool = False) -> NewAssetFields:
    """Raises FieldMissing or FieldInvalid for the first problem, with `contract_words` in the exact words of the contract."""
    for problem in field_problems(values):
        raise problem.error(contract_words=contract_words)
    return NewAssetFields(**{field: _cleaned(field, values) for field in FIELDS})


def _cleaned(field: str, values: Mapping[str, str]) -> str:
    """Without invisible characters, except in a serial number: there they are named instead, since one may stand for a hyphen."""
    text = values.get(field, "")
    return (text if field == "serial_number" else clean(text)).strip()


def _problem(field: str, text: str, max_length: int) -> FieldProblem | None:
    name = field.replace("_", " ").capitalize()
    if len(text) > max_length:
        message = _("%(name)s is longer than %(max_length)s characters", name=name, max_length=max_length)
        return FieldProblem(field, message, _("at most %(max_length)s characters", max_length=max_length))
    if field == "serial_number" and not SERIAL.fullmatch(text):
        message, rule = _("Serial number contains invalid characters"), _("alphanumeric and hyphens only")
        return FieldProblem(field, message, rule, character_names(NOT_SERIAL.findall(text)))
    if unprintable_character(text):
        message = _("%(name)s contains invalid characters", name=name)
        invisible = character_names(character for character in text if unprintable_character(character))
        return FieldProblem(field, message, _("no line breaks or other control characters"), invisible)
    return None
