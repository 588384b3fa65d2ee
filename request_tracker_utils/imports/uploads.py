"""Uploaded files as streams of bytes, text and rows. Only one chunk and one row are in memory, so that files of any size can be read."""

import codecs
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import IO

from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.imports import parsing
from request_tracker_utils.imports.parsing import Aliases, FileUnreadable

CHUNK_SIZE = 256 * 1024
"""Bytes of a chunk."""
MAX_IN_MEMORY = 4 * CHUNK_SIZE
"""Bytes of an uploaded file that need no temporary file."""
SAMPLE_ROWS = 3
"""Rows that are shown where columns are mapped."""


def read_chunks(stream: IO[bytes]) -> Iterator[bytes]:
    while chunk := stream.read(CHUNK_SIZE):
        yield chunk


@dataclass
class UploadInspector:
    """Detects the encoding of a file while its chunks pass through. The first chunk determines the candidates, others eliminate them."""

    size: int = 0
    beginning: bytes = b""
    lines: int = 0
    """Approximate number of rows: cells may contain line breaks."""
    _decoders: dict[str, codecs.IncrementalDecoder] = field(default_factory=dict)
    _nul_lines: dict[str, int] = field(default_factory=dict)
    """Encoding → first line with a NUL byte."""

    def inspect(self, chunk: bytes) -> bytes:
        """Returns the chunk. Raises FileUnreadable as soon as the file is known not to be text."""
        if not self.size:
            parsing.refuse_other_formats(chunk)
            self._decoders = {encoding: codecs.getincrementaldecoder(encoding)() for encoding in parsing.encodings(chunk)}
        if len(self.beginning) < CHUNK_SIZE:
            self.beginning += chunk
        self.size += len(chunk)
        self._decode(chunk)
        if not self._decoders:
            raise parsing.not_text()
        self.lines += chunk.count(b"\n") or chunk.count(b"\r")
        return chunk

    def encoding(self) -> str:
        """The encoding that decodes the whole file. Raises FileUnreadable."""
        self._decode(b"", final=True)
        if not self.size:
            raise FileUnreadable(_("The file is empty. Choose a file with at least one row."), field="file")
        if not self._decoders:
            raise parsing.not_text()
        encoding = next(iter(self._decoders))
        if encoding in self._nul_lines:
            line = self._nul_lines[encoding]
            message = _("Line %(line)s contains a NUL byte. Save the file as CSV (UTF-8), then upload it again.", line=line)
            raise FileUnreadable(message, field="file", line=line)
        return encoding

    def _decode(self, chunk: bytes, *, final: bool = False) -> None:
        for encoding, decoder in list(self._decoders.items()):
            try:
                text = decoder.decode(chunk, final)
            except UnicodeDecodeError:
                del self._decoders[encoding]
                continue
            if "\0" in text:
                self._nul_lines.setdefault(encoding, self.lines + text.count("\n", 0, text.index("\0")) + 1)


@dataclass(frozen=True)
class Layout:
    """How to read the rows of a file. `header` is empty when none of the first rows is a header row."""

    encoding: str
    separator: str
    header: list[str]
    sample: list[list[str]]
    columns: dict[str, int]
    """Field → its column by the header row, from 0."""


def detect_layout(beginning: bytes, encoding: str, aliases: Aliases, *, is_whole: bool) -> Layout:
    """The layout by the beginning of a file. Raises FileUnreadable when there are no rows, or the first ones cannot be read."""
    text = codecs.getincrementaldecoder(encoding)().decode(beginning, False).removeprefix("\ufeff")
    if not is_whole:
        text = text[: max(text.rfind("\n"), text.rfind("\r")) + 1] or text
    separator = parsing.detect_separator(text, aliases)
    first = list[list[str]]()
    try:
        for _line, row in parsing.parse_rows(io.StringIO(text, newline=""), separator):
            first.append(row)
            if len(first) == parsing.HEADER_ROWS + SAMPLE_ROWS:
                break
    except FileUnreadable:
        if len(first) <= SAMPLE_ROWS:
            raise
    number = parsing.find_header(first, aliases)
    header, below = ([], first) if number is None else (first[number], first[number + 1 :])
    if not below:
        raise FileUnreadable(_("The file is empty. Choose a file with at least one row."), field="file")
    return Layout(encoding, separator, header, below[:SAMPLE_ROWS], parsing.match_header(header, aliases))


@dataclass(frozen=True)
class Upload:
    """A file that was uploaded and inspected. It exists only in a temporary file without a name, which ends with this process at the
    latest: only the columns that are mapped are stored."""

    file: IO[bytes]
    layout: Layout
    size: int
    lines: int

    def rows(self, header: list[str]) -> Iterator[tuple[int, list[str]]]:
        """The rows below the header row with their line numbers. Raises FileUnreadable for a row that cannot be read."""
        self.file.seek(0)
        return decode_rows(read_chunks(self.file), self.layout.encoding, self.layout.separator, header)

    def first_rows(self) -> list[list[str]]:
        """Those among which the header row can be. Raises FileUnreadable."""
        return [row for _line, row in islice(self.rows([]), parsing.HEADER_ROWS)]


@contextmanager
def inspected(chunks: Iterable[bytes], aliases: Aliases) -> Iterator[Upload]:
    """The file, until the end of the block. Raises FileUnreadable for a file that is not a table."""
    inspector = UploadInspector()
    with SpooledTemporaryFile(MAX_IN_MEMORY) as file:
        for chunk in chunks:
            file.write(inspector.inspect(chunk))
        encoding = inspector.encoding()
        is_whole = inspector.size == len(inspector.beginning)
        layout = detect_layout(inspector.beginning, encoding, aliases, is_whole=is_whole)
        yield Upload(file, layout, inspector.size, inspector.lines)


def decode_rows(chunks: Iterable[bytes], encoding: str, separator: str, header: list[str]) -> Iterator[tuple[int, list[str]]]:
    """The rows below the header row, each with its line number; all rows if `header` is empty. Raises FileUnreadable for a row that cannot
    be read."""
    rows = parsing.parse_rows(_decode_lines(chunks, encoding), separator)
    if header:
        next((row for _line, row in rows if row == header), None)
    yield from rows


def _decode_lines(chunks: Iterable[bytes], encoding: str) -> Iterator[str]:
    """Lines with their endings. A line that is too long arrives in pieces."""
    text = io.TextIOWrapper(io.BufferedReader(_ChunkStream(chunks)), encoding, newline="")
    while line := text.readline(parsing.MAX_ROW_LENGTH + 1):
        yield line


class _ChunkStream(io.RawIOBase):
    """Chunks as one readable stream."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks, self._rest = iter(chunks), memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count
