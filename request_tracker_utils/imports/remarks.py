"""What is odd about a file although its rows are valid: damaged text, unusual values, and totals below the rows. The preview shows it."""

import re
from collections.abc import Mapping, Sequence, Set as AbstractSet
from dataclasses import dataclass, field
from itertools import islice

from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.imports.report import ImportReport
from request_tracker_utils.imports.row_types import Chunk, RowType

MAX_NAMES = 10
"""Names with accents or in other scripts that a preview shows, so that a person sees whether they are right."""
MAX_VALUES = 5
MAX_DISTINCT_VALUES = 1_000


def _continuation_bytes() -> str:
    """The characters of cp1252 for the bytes that continue a character in UTF-8."""
    return "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(0x80, 0xC0))


DAMAGED = re.compile(
    "|".join(
        (
            "\ufffd",  # undecodable
            f"[ÂÃÄÅÎÏÐÑØÙ][{re.escape(_continuation_bytes())}]|Ã(?=[a-z])|(?<=[a-z])[ÂÃ](?=\\s|$)|â€",  # UTF-8 read as cp1252
            "√|‚Ä|¬|≈",  # UTF-8 read as Mac Roman
            "(?<=[a-z])[ÌÒÈÛ]|(?<=[A-Z])[ÌÒÈÛ](?=[a-z])",  # cp1252 read as Mac Roman
            "(?<=[A-Za-z])[‡ˆ‰‹•˜›ƒ„†€]|[‡ˆ‰‹•˜›ƒ„†€…](?=[a-z])|(?<=[a-z])[ŠŽŒŸ]|(?<=[A-Z])[ŠŽŒŸ](?=[a-z])"  # Mac Roman read as cp1252
            "|(?<=[A-Za-z])[–—](?=[a-z])|(?<=[a-z])—$|(?<=[a-z])[‘“”](?=[a-z]|$)|(?<=[bcdfghjklmnpqrstvwxz])’(?![std]\\b)(?=[a-z])",
        )
    ),
    re.MULTILINE,
)
"""Text that was written in one encoding and read in another: `GarcÃ­a`, `Garc√≠a`, `Garc’a`. It may be right, so it is only reported."""


@dataclass
class Remarks:
    """Collects over the chunks of a file what `write` then puts into the report."""

    row_type: RowType
    footers: int = 0
    first_footer: tuple[int, str] = (0, "")
    damaged: int = 0
    first_damaged: tuple[int, str] = (0, "")
    names: list[str] = field(default_factory=list)
    unusual: dict[str, list[int]] = field(default_factory=dict)
    """Value → its number of rows, and the line of the first one."""

    def leave_out(self, line: int, cells: list[str]) -> None:
        if not self.footers:
            self.first_footer = line, row_text(cells)
        self.footers += 1

    def look_at(self, chunk: Chunk) -> None:
        """Joins the cells of a column before it searches them: a search of each cell would cost a multiple."""
        row_type, rows, damaged = self.row_type, chunk.values.values(), dict[str, str]()
        for place, name in enumerate(chunk.columns):
            if name in row_type.text_columns:
                foreign = [text for row in rows if not (text := row[place]).isascii()]
                if foreign and name in row_type.name_columns:
                    self._sample_names(chunk, place)
                if foreign and DAMAGED.search("\n".join(foreign)):
                    damaged |= {key: row[place] for key, row in chunk.values.items() if DAMAGED.search(row[place])}
            elif name in row_type.usual_values:
                self._count_unusual(chunk, place, {row[place] for row in rows} - row_type.usual_values[name])
        if damaged:
            if not self.damaged:
                key = min(damaged, key=chunk.lines.__getitem__)
                self.first_damaged = chunk.lines[key], damaged[key]
            self.damaged += len(damaged)

    def write(self, report: ImportReport) -> None:
        report.names = self.names
        if self.damaged:
            line, text = self.first_damaged
            report.warnings.append(damaged_text(self.damaged, line, text))
        if self.unusual:
            report.warnings.append(self.row_type.describe_unusual(self.unusual))
        if self.footers:
            report.remarks.append(left_out(self.footers, *self.first_footer))

    def _sample_names(self, chunk: Chunk, place: int) -> None:
        foreign = (key for key, row in chunk.values.items() if not row[place].isascii())
        names = (self.row_type.describe(chunk.identity(key), chunk.as_mapping(key)) for key in foreign)
        self.names += islice((name for name in names if name not in self.names), max(0, MAX_NAMES - len(self.names)))

    def _count_unusual(self, chunk: Chunk, place: int, values: AbstractSet[str | None]) -> None:
        if not values:
            return
        for key, row in chunk.values.items():
            value = row[place]
            if value in values and (value in self.unusual or len(self.unusual) < MAX_DISTINCT_VALUES):
                self.unusual.setdefault(str(value), [0, chunk.lines[key]])[0] += 1


def damaged_text(count: int, line: int, text: str) -> str:
    return ngettext(
        "%(count)s row contains text that looks damaged: “%(text)s” in line %(line)s. The file was probably saved in one encoding and "
        "opened in another. Export it again as CSV (UTF-8), without opening it in a spreadsheet.",
        "%(count)s rows contain text that looks damaged, such as “%(text)s” in line %(line)s. The file was probably saved in one encoding "
        "and opened in another. Export it again as CSV (UTF-8), without opening it in a spreadsheet.",
        count,
        count=f"{count:,}",
        text=text[:60],
        line=line,
    )


def row_text(cells: list[str]) -> str:
    return ", ".join(filter(None, cells))


def left_out(count: int, line: int, text: str) -> str:
    """`text` is that of mapped columns; empty if it has none."""
    if not text:
        return ngettext(
            "The row in line %(line)s is a total or a note about the file, and was left out.",
            "%(count)s rows are totals or notes about the file, and were left out, such as line %(line)s.",
            count,
            count=f"{count:,}",
            line=line,
        )
    return ngettext(
        "%(count)s row is a total or a note about the file, and was left out: “%(text)s” in line %(line)s.",
        "%(count)s rows are totals or notes about the file, and were left out, such as “%(text)s” in line %(line)s.",
        count,
        count=f"{count:,}",
        text=text[:60],
        line=line,
    )


def listed_values(unusual: Mapping[str, Sequence[int]]) -> str:
    """The most frequent of the values, each with its first line: `“Blue” (line 7)`."""
    frequent = sorted(unusual.items(), key=lambda each: -each[1][0])
    named = ", ".join(_("“%(value)s” (line %(line)s)", value=value[:40], line=line) for value, (_count, line) in frequent[:MAX_VALUES])
    return named + ", …" if len(frequent) > MAX_VALUES else named
