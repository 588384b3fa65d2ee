"""What scanners and labels add to a code: hyphens that only look alike, symbology prefixes, manufacturers' prefixes of serial numbers."""

import re

SOFT_HYPHEN = "\u00ad"
"""Invisible, but a bar code or a file may have it in place of a hyphen."""
_HYPHENS = dict.fromkeys(map(ord, "\u00ad\u058a\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\u2796\ufe58\ufe63\uff0d"), "-")
_SYMBOLOGY = re.compile(r"\][A-Za-z][0-9A-Za-z]")
"""The AIM identifier that some scanners send first, such as `]C1` for Code 128 and `]Q1` for QR codes."""
_SERIAL_NAME = r"(?:S/N|SN(?=\s*[:#])|SERIAL(?: (?:NUMBER|NO\.?))?(?=\s*[:#]))"
_NAMED_SERIAL = re.compile(rf"{_SERIAL_NAME}\s*[:#.]?\s*", re.IGNORECASE)
"""What no serial number begins with, because it contains a character that serial numbers lack."""
_SPACED_NAME = re.compile(rf"(?<![^\s,;]){_SERIAL_NAME}(?:[ \t]*+[:#.])?+[ \t]++(?=\S)", re.IGNORECASE)
_DATA_IDENTIFIER = re.compile(r"1?S", re.IGNORECASE)
"""`S` and `1S` mark a serial number in bar codes (ANSI MH10.8.2), but a serial number may begin with them, too."""
_SERIAL = re.compile(r"[A-Za-z0-9-]+")
MIN_SERIAL_LENGTH = 5
"""Characters after a data identifier: fewer are more likely a whole code."""


def with_hyphens(text: str) -> str:
    """With a hyphen for each dash, minus and soft hyphen."""
    return text.translate(_HYPHENS)


def readings(text: str) -> list[str]:
    """What the code may mean, the most literal first: as it is, with hyphens, and without its symbology prefix."""
    hyphened = with_hyphens(text)
    prefix = _SYMBOLOGY.match(hyphened)
    return list(dict.fromkeys([text, hyphened, *([hyphened[prefix.end() :]] if prefix and len(hyphened) > prefix.end() else [])]))


def serial_readings(text: str) -> list[str]:
    """The serial numbers that may follow a manufacturer's prefix in the code; use one only if it is known."""
    found = []
    for code in readings(text):
        if named := _NAMED_SERIAL.match(code):
            found.append(code[named.end() :])
        if data := _DATA_IDENTIFIER.match(code):
            found.append(code[data.end() :])
    return [each for each in dict.fromkeys(found) if len(each) >= MIN_SERIAL_LENGTH and any(map(str.isdigit, each))]


def join_named_serials(text: str) -> str:
    """Text of several codes with each `S/N: ` joined to the code after it, so that spaces separate codes."""
    return _SPACED_NAME.sub("S/N:", text)


def clean_serial(text: str) -> str:
    """The serial number of a new asset in the code: without a prefix that no serial number has. A leading `S` stays, because the serial
    number may begin with it. Unchanged if what remains is not a serial number, or has a soft hyphen, which may stand for a hyphen or for
    nothing."""
    code = readings(text)[-1]
    code = code[named.end() :] if (named := _NAMED_SERIAL.match(code)) else code
    return code if _SERIAL.fullmatch(code) and SOFT_HYPHEN not in text else text
