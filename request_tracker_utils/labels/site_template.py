"""A site's own template for the inside of labels (LABEL_TEMPLATE_PATH), filled in a process that is kept from everything else."""

import json
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from request_tracker_utils.labels.barcodes import NotPrintable
from request_tracker_utils.labels.drawing import DrawnLabel, LabelContent
from request_tracker_utils.labels.formats import LabelFormat
from request_tracker_utils.labels.text import clean

MEMORY = 256 * 1024 * 1024
"""Bytes of address space of the process, Python's own included."""

SECONDS_OF_LABEL = 2.0
"""Of the clock, until the answer for one label is given up."""

SECONDS_OF_START = 10.0
"""Of the clock, until the template is ready. A busy machine may take long to start a process."""

SECONDS_OF_PAGE = 30
"""Of the processor and, as far as labels are being filled, of the clock."""

LARGEST_LABEL = 256 * 1024
"""Characters of HTML for one label."""

LARGEST_TEMPLATE = 1024 * 1024
"""Bytes."""

_PROCESS = Path(__file__).with_name("template_process.py")
_LINE = LARGEST_LABEL * 6 + 1_000
"""Bytes of an answer: JSON writes a character as six at most."""


class LabelTemplateFailed(NotPrintable):
    """The site's own template cannot be filled; the message names the file, the line and the reason."""

    status, code = 500, "label_template_failed"


@dataclass(frozen=True)
class OwnTemplate:
    """The template as it was when the program started."""

    file: Path
    source: str

    @classmethod
    def of(cls, file: Path) -> "OwnTemplate":
        """Reads the file and has it checked. Raises LabelTemplateFailed."""
        try:
            if file.stat().st_size > LARGEST_TEMPLATE:
                raise _failed(file, f"it is larger than {LARGEST_TEMPLATE // 1024} KB")
            template = cls(file, file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise _failed(file, str(error)) from None
        with closing(Filler(template)) as filler:
            filler.start()
        return template


class Filler:
    """Fills the template for the labels of one page. A process runs from the first label until `close`, or until a limit ends it."""

    def __init__(self, template: OwnTemplate) -> None:
        self._template = template
        self._left = float(SECONDS_OF_PAGE)
        self._process: subprocess.Popen[bytes] | None = None
        self._ended: LabelTemplateFailed | None = None

    def start(self) -> "subprocess.Popen[bytes]":
        """Raises LabelTemplateFailed when the template has no sound syntax."""
        self._process = subprocess.Popen(  # noqa: S603 — our own file
            [sys.executable, "-I", str(_PROCESS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
        )
        order = {"source": self._template.source, "memory": MEMORY, "seconds": SECONDS_OF_PAGE, "largest": LARGEST_LABEL}
        try:
            self._answer(self._process, order, SECONDS_OF_START)
        except LabelTemplateFailed as error:
            self._ended = error
            raise
        return self._process

    def fill(self, content: LabelContent, drawn: DrawnLabel, label: LabelFormat) -> str:
        """The inside of a label, as HTML. Raises LabelTemplateFailed; after a limit was passed, for every further label."""
        if self._ended:
            raise self._ended
        if self._left <= 0:
            self.close()
            raise self._end(f"the labels of one page took more than {SECONDS_OF_PAGE} seconds")
        process = self._process or self.start()
        begun = time.monotonic()
        answer = self._answer(process, _variables(content, drawn, label), min(SECONDS_OF_LABEL, self._left))
        self._left -= time.monotonic() - begun
        return str(answer["html"])

    def close(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                with suppress(BrokenPipeError):
                    stream.close()

    def _answer(self, process: "subprocess.Popen[bytes]", question: dict[str, Any], seconds: float) -> dict[str, Any]:
        questions, answers = cast(IO[bytes], process.stdin), cast(IO[bytes], process.stdout)
        alarm = threading.Timer(seconds, process.kill)
        alarm.start()
        try:
            questions.write(json.dumps(question).encode() + b"\n")
            questions.flush()
            line = answers.readline(_LINE)
        except BrokenPipeError:
            line = b""
        finally:
            overdue = not alarm.is_alive()
            alarm.cancel()
        if not line.endswith(b"\n"):
            self.close()
            raise self._end(f"it took more than {seconds:g} seconds" if overdue else "it passed the limits of memory or time")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise _failed(self._template.file, answer["error"], answer["line"])
        return answer

    def _end(self, reason: str) -> LabelTemplateFailed:
        self._ended = _failed(self._template.file, reason)
        return self._ended


def _failed(file: Path, reason: str, line: int | None = None) -> LabelTemplateFailed:
    where, reason = f"{file}, line {line}," if line else str(file), reason.rstrip(".")
    return LabelTemplateFailed(
        f"The label template {where} does not work: {reason}. Mend it and start the program again, or unset LABEL_TEMPLATE_PATH.",
        file=str(file),
        line=line,
        reason=reason,
    )


def _variables(content: LabelContent, drawn: DrawnLabel, label: LabelFormat) -> dict[str, Any]:
    """What a template is given; `contrib/labels/label.html` explains it."""
    named = ("tag", "serial", "model", "manufacturer", "catalog")
    return {
        "label": {name: clean(content.text(name)) for name in named}
        | {
            "fields": {name: clean(value) for name, value in content.fields.items()},
            "asset_id": content.asset_id,
            "address": content.qr_address,
        },
        "qr": drawn.qr or "",
        "barcode": drawn.barcode or "",
        "format": {"name": label.name, "title": label.title, "width": label.width, "height": label.height},
    }
