"""Types and lengths of cable as people write them: `100ft`, `100 ft` and `100'` are one length, feet and meters never are.

A number with a known unit is a length, in the digits of any script. `1,5 m` could be 1.5 m or a mistyped 15 m, so it is text, as are
`spool` and `100`: text is a row of its own. A number that cannot be a length, and one with an unknown unit (`100 fet`), are mistakes.
"""

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from request_tracker_utils.core.text import JOINERS, clean, unprintable_character
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.inventory.errors import InvalidStockField
from request_tracker_utils.inventory.models import MAX_QUANTITY, THOUSAND

MAX_LENGTH = 1_000_000
"""In any unit."""
MAX_TEXT = 60
MAX_QUANTITY_DIGITS = 12
SPELLINGS = {
    "ft": ("ft", "ft.", "foot", "feet", "'", "′", "’"),
    "in": ("in", "in.", "inch", "inches", '"', "″", "”"),
    "yd": ("yd", "yd.", "yds", "yard", "yards"),
    "m": ("m", "m.", "meter", "meters", "metre", "metres"),
    "cm": ("cm", "cm.", "centimeter", "centimeters", "centimetre", "centimetres"),
    "mm": ("mm", "mm.", "millimeter", "millimeters", "millimetre", "millimetres"),
    "km": ("km", "km.", "kilometer", "kilometers", "kilometre", "kilometres"),
}
UNITS = {spelling: unit for unit, spellings in SPELLINGS.items() for spelling in spellings}
_NUMBER = r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?|\.[0-9]+"
_LENGTH = re.compile(rf"\+?({_NUMBER})[ -]?([^\W\d_]+\.?|['′’\"″”])")
_BARE_NUMBER = re.compile(rf"\+?({_NUMBER})")
_NEGATIVE = re.compile(r"-\s?[0-9.,]*[0-9].*")
_NOT_FINITE = re.compile(r"[-+]?(?:nan|inf|infinity)\b.*|[-+]?[0-9.]+e[-+]?[0-9]+.*", re.IGNORECASE)
_QUANTITY = re.compile(r"\+?([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)")
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2212\ufe58\ufe63"
_SAME = str.maketrans(
    {
        **dict.fromkeys(_DASHES, "-"),
        **dict.fromkeys(JOINERS),
        **{chr(code + 0xFEE0): chr(code) for code in range(0x21, 0x7F)},  # full-width characters of Asian keyboards
    }
)
"""Characters that look like others, or like nothing."""


@dataclass(frozen=True)
class Length:
    """`thousandths` of a `unit`; None and empty for text."""

    written: str
    thousandths: int | None = None
    unit: str = ""

    @property
    def key(self) -> str:
        return f"{self.thousandths} {self.unit}" if self.unit else f"text {key_of(self.written)}"


@dataclass(frozen=True)
class Cable:
    """A type in a length: what one stock row has."""

    cable_type: str
    """As it was written."""
    length: Length

    @property
    def type_key(self) -> str:
        return key_of(self.cable_type)

    @property
    def key(self) -> str:
        return f"{self.type_key}\t{self.length.key}"


def parse_cable(cable_type: str, cable_length: str) -> Cable:
    """Raises InvalidStockField."""
    return Cable(parse_type(cable_type), parse_length(cable_length))


def parse_type(text: str) -> str:
    """Raises InvalidStockField."""
    written = one_line(text, "cable_type", MAX_TEXT)
    if not key_of(written):
        raise InvalidStockField(_("Enter the cable type, such as Cat6."), field="cable_type")
    return written


def parse_length(text: str) -> Length:
    """Raises InvalidStockField for what cannot be a length: a negative number, zero, NaN, a huge number, an unknown unit."""
    written = one_line(text, "cable_length", MAX_TEXT)
    read = _alike(written)
    if not read:
        raise _invalid_length(_("Enter the length, such as 100 ft."))
    if _NEGATIVE.fullmatch(read):
        raise _invalid_length(_("A length cannot be negative."))
    if _NOT_FINITE.fullmatch(read):
        raise _invalid_length(_("This is not a length. Write a number and a unit, such as 100 ft."))
    found = _LENGTH.fullmatch(read)
    if not found:
        if bare := _BARE_NUMBER.fullmatch(read):
            _thousandths(_decimal(bare[1]))
        return Length(written)
    number, unit = _decimal(found[1]), UNITS.get(found[2].casefold())
    if unit is None:
        known = ", ".join(SPELLINGS)
        raise _invalid_length(_("“%(unit)s” is not a unit of length. Use one of %(known)s.", unit=found[2], known=known))
    return length_of(number, unit, written=written)


def length_of(value: Decimal, unit: str, *, written: str = "") -> Length:
    """Raises InvalidStockField."""
    thousandths = _thousandths(value)
    return Length(written or f"{plain(value)} {unit}", thousandths, unit)


def parse_quantity(value: object, *, field: str = "quantity", minimum: int = 1) -> int:
    """A number of pieces. Raises InvalidStockField for anything but a whole number from `minimum` to MAX_QUANTITY."""
    number = _whole_number(value)
    if number is None or not minimum <= number <= MAX_QUANTITY:
        message = _("Enter a whole number from %(smallest)s to %(largest)s.", smallest=f"{minimum:,}", largest=f"{MAX_QUANTITY:,}")
        raise InvalidStockField(message, field=field)
    return number


def one_line(text: str, field: str, longest: int) -> str:
    """Without invisible characters, and with single spaces. Raises InvalidStockField."""
    written = " ".join(clean(text).split())
    if character := unprintable_character(written):
        raise InvalidStockField(_("%(character)s cannot be stored. Remove it.", character=character), field=field)
    if len(written) > longest:
        raise InvalidStockField(_("Enter at most %(count)s characters.", count=longest), field=field)
    return written


def key_of(text: str) -> str:
    """By which two spellings are the same."""
    return unicodedata.normalize("NFC", _alike(unicodedata.normalize("NFC", text).casefold()))


def type_of_key(key: str) -> str:
    """The type of a stock row's key."""
    return key.partition("\t")[0]


def plain(value: Decimal) -> str:
    """Without zeros at the end and without an exponent."""
    return f"{value.normalize():f}"


def _alike(text: str) -> str:
    """With ASCII digits and hyphens, and without joiners: what looks the same is the same."""
    if text.isascii():
        return text
    return "".join(str(unicodedata.decimal(each, each)) for each in text.translate(_SAME))


def _decimal(text: str) -> Decimal:
    return Decimal(text.replace(",", ""))


def _thousandths(value: Decimal) -> int:
    """Raises InvalidStockField for what cannot be a length."""
    if not value:
        raise _invalid_length(_("A length cannot be zero."))
    if value > MAX_LENGTH:
        raise _invalid_length(_("The length is larger than %(largest)s.", largest=f"{MAX_LENGTH:,}"))
    thousandths = Fraction(value) * THOUSAND  # a Decimal would be rounded to 28 digits
    if thousandths.denominator != 1:
        raise _invalid_length(_("A length has at most three decimal places."))
    return int(thousandths)


def _whole_number(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and len(value) <= MAX_QUANTITY_DIGITS and (found := _QUANTITY.fullmatch(value.strip())):
        return int(found[1].replace(",", ""))
    return None


def _invalid_length(message: str) -> InvalidStockField:
    return InvalidStockField(message, field="cable_length")
