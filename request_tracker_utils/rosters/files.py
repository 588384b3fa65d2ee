"""Files of any size as they pass by in pieces: bytes, text, rows. Never more than a piece and a row is held."""

import codecs
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from request_tracker_utils.core import tables
from request_tracker_utils.core.tables import ListUnreadable, Words

PIECE = 256 * 1024
"""Bytes that are read and kept at once."""
SAMPLE = 3
"""Rows that are shown where columns are mapped."""


def pieces_of(stream: io.BufferedIOBase) -> Iterator[bytes]:
    while piece := stream.read(PIECE):
        yield piece


@dataclass
class Passing:
    """Looks at a file while its pieces pass by. The first piece decides which encodings it may be in, the others which one it is."""

    size: int = 0
    beginning: bytes = b""
    lines: int = 0
    """How many there are, about: cells may hold line breaks."""
    _decoders: dict[str, codecs.IncrementalDecoder] = field(default_factory=dict)
    _nul: dict[str, int] = field(default_factory=dict)
    """Encoding → the line with a NUL byte."""

    def see(self, piece: bytes) -> bytes:
        """Returns the piece. Raises ListUnreadable for what is no text, as soon as that is clear."""
        if not self.size:
            tables.refuse_other_files(piece)
            self._decoders = {encoding: codecs.getincrementaldecoder(encoding)() for encoding in tables.encodings(piece)}
        if len(self.beginning) < PIECE:
            self.beginning += piece
        self.size += len(piece)
        self._decode(piece)
        if not self._decoders:
            raise tables.no_text()
        self.lines += piece.count(b"\n") or piece.count(b"\r")
        return piece

    def encoding(self) -> str:
        """In which the whole file can be read. Raises ListUnreadable."""
        self._decode(b"", final=True)
        if not self.size:
            raise ListUnreadable("The file is empty. Choose one with a row for each student or device.", field="file")
        if not self._decoders:
            raise tables.no_text()
        encoding = next(iter(self._decoders))
        if encoding in self._nul:
            line = self._nul[encoding]
            raise ListUnreadable(
                f"Line {line} holds a NUL byte, which no list has. Save the list as CSV (UTF-8) and send that.", field="file", line=line
            )
        return encoding

    def _decode(self, piece: bytes, *, final: bool = False) -> None:
        for encoding, decoder in list(self._decoders.items()):
            try:
                text = decoder.decode(piece, final)
            except UnicodeDecodeError:
                del self._decoders[encoding]
                continue
            if "\0" in text:
                self._nul.setdefault(encoding, self.lines + text.count("\n", 0, text.index("\0")) + 1)


@dataclass(frozen=True)
class Layout:
    """How the rows of a file are read. `head` is empty where the first row is no heading."""

    encoding: str
    separator: str
    head: list[str]
    sample: list[list[str]]
    columns: dict[str, int]
    """Field → its column, by the heading."""


def layout_of(beginning: bytes, encoding: str, known: Words, *, whole: bool) -> Layout:
    """By the file's beginning. Raises ListUnreadable for a list without rows, or whose first rows cannot be read."""
    text = codecs.getincrementaldecoder(encoding)().decode(beginning, False).removeprefix("\ufeff")
    if not whole:
        text = text[: max(text.rfind("\n"), text.rfind("\r")) + 1] or text
    separator = tables.separator_of(text, known)
    first = list[list[str]]()
    for _, row in tables.rows(io.StringIO(text, newline=""), separator):
        first.append(row)
        if len(first) > SAMPLE:
            break
    columns = tables.named(first[0], known) if first else {}
    head, sample = (first[0], first[1:]) if columns else ([], first[:SAMPLE])
    if not sample:
        raise ListUnreadable("The list is empty. Choose a file with a row for each student or device.", field="file")
    return Layout(encoding, separator, head, sample, columns)


def rows_of(pieces: Iterable[bytes], encoding: str, separator: str, *, has_head: bool) -> Iterator[tuple[int, list[str]]]:
    """The rows without the heading, each with its line. Raises ListUnreadable where one cannot be read."""
    rows = tables.rows(_lines(pieces, encoding), separator)
    if has_head:
        next(rows, None)
    yield from rows


def _lines(pieces: Iterable[bytes], encoding: str) -> Iterator[str]:
    """With their ends, whichever they are. One that is too long comes in parts."""
    text = io.TextIOWrapper(io.BufferedReader(_Pieces(pieces)), encoding, newline="")
    while line := text.readline(tables.LONGEST_ROW + 1):
        yield line


class _Pieces(io.RawIOBase):
    """Pieces as one stream."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces, self._rest = iter(pieces), memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count
