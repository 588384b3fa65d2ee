"""Codes that control the scan station, and the bar codes that a printed page has for them."""

import re
from dataclasses import dataclass
from enum import StrEnum

from request_tracker_utils.core.translation import gettext as _, gettext_noop
from request_tracker_utils.labels.barcodes import BARCODE_QUIET_ZONE, barcode_modules
from request_tracker_utils.labels.errors import TagNotEncodable

WITHOUT = "WITHOUT:"
"""Prefix of the commands that clear an accessory's checkbox."""
_RUN = re.compile("1+")


class StationCommand(StrEnum):
    """Codes that control the scan station without a keyboard. Each accessory adds another one: see WITHOUT."""

    ASSIGN = "MODE:ASSIGN"
    RETURN = "MODE:RETURN"
    DAMAGED = "MODE:DAMAGED"
    LOOK_UP = "MODE:LOOKUP"
    UNDO = "DO:UNDO"
    TEST = "TEST:Qwazy-M019"
    """With both cases, the hyphen, and letters and digits that other keyboard languages have elsewhere."""


COMMAND_TEXTS = {
    StationCommand.ASSIGN: (gettext_noop("Assign"), gettext_noop("Scan a student, then devices.")),
    StationCommand.RETURN: (gettext_noop("Return"), gettext_noop("Scan devices only.")),
    StationCommand.DAMAGED: (gettext_noop("Return damaged"), gettext_noop("Sets the device to maintenance.")),
    StationCommand.LOOK_UP: (gettext_noop("Look up"), gettext_noop("Shows the student or the device.")),
    StationCommand.UNDO: (gettext_noop("Undo"), gettext_noop("Undoes the last scan.")),
    StationCommand.TEST: (gettext_noop("Test scanner"), gettext_noop("Says whether the scanner is set up correctly.")),
}
"""Command → title and description."""


@dataclass(frozen=True)
class PrintableCommand:
    """`path` draws the bars, one unit wide and high, in an SVG that is `width` units wide including the quiet zones."""

    title: str
    description: str
    code: str
    path: str
    width: int


def printable_commands(accessories: tuple[str, ...]) -> list[PrintableCommand]:
    """Skips accessories with names that a bar code cannot encode."""
    commands = [_printable(_(title), _(description), code) for code, (title, description) in COMMAND_TEXTS.items()]
    for name in accessories:
        try:
            commands.append(_printable(_("Without %(accessory)s", accessory=name), _("Clears its checkbox."), WITHOUT + name.upper()))
        except TagNotEncodable:
            continue
    return commands


def command_of(code: str) -> str | None:
    """The command that the code is, if it is one."""
    if code == StationCommand.TEST:
        return code
    upper = code.upper()
    return upper if upper in list(StationCommand) or (upper.startswith(WITHOUT) and len(upper) > len(WITHOUT)) else None


def _printable(title: str, description: str, code: str) -> PrintableCommand:
    """Raises TagNotEncodable."""
    modules = barcode_modules(code)
    path = "".join(f"M{BARCODE_QUIET_ZONE + run.start()},0h{len(run.group())}v1h-{len(run.group())}z" for run in _RUN.finditer(modules))
    return PrintableCommand(title, description, str(code), path, len(modules) + 2 * BARCODE_QUIET_ZONE)
