"""A site's own template for the inside of labels (LABEL_TEMPLATE_PATH), rendered in a sandboxed process."""

import json
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from request_tracker_utils.core.translation import gettext as _, gettext_noop
from request_tracker_utils.labels.errors import LabelTemplateFailed
from request_tracker_utils.labels.formats import LabelFormat
from request_tracker_utils.labels.renderer import LabelContent, RenderedLabel
from request_tracker_utils.labels.typography import normalize_text

MEMORY_LIMIT = 256 * 1024 * 1024
"""Bytes of address space of the process, including Python itself."""

LABEL_TIMEOUT = 2.0
"""Seconds until the rendering of one label is abandoned."""

START_TIMEOUT = 10.0
"""Seconds until the template must be compiled. A busy server may take long to start a process."""

PAGE_TIMEOUT = 30
"""Seconds of CPU time, and of wall-clock time spent rendering, for all labels of a page."""

MAX_LABEL_LENGTH = 256 * 1024
"""Characters of HTML for one label."""

MAX_TEMPLATE_BYTES = 1024 * 1024

_SANDBOX = Path(__file__).with_name("site_template_sandbox.py")
_MAX_RESPONSE_BYTES = MAX_LABEL_LENGTH * 6 + 1_000
"""JSON encodes a character in at most six bytes."""

_FAILED = gettext_noop(
    "The label template %(file)s failed: %(reason)s. Fix the template and restart the program, or unset LABEL_TEMPLATE_PATH."
)
_FAILED_IN_LINE = gettext_noop(
    "The label template %(file)s failed in line %(line)s: %(reason)s. "
    "Fix the template and restart the program, or unset LABEL_TEMPLATE_PATH."
)


@dataclass(frozen=True)
class SiteTemplate:
    """The template as it was when the program started."""

    file: Path
    source: str

    @classmethod
    def load(cls, file: Path) -> "SiteTemplate":
        """Reads the file and compiles it once. Raises LabelTemplateFailed."""
        try:
            if file.stat().st_size > MAX_TEMPLATE_BYTES:
                raise _failure(file, _("it is larger than %(maximum)s KB", maximum=MAX_TEMPLATE_BYTES // 1024))
            template = cls(file, file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise _failure(file, str(error)) from None
        with closing(SiteTemplateRenderer(template)) as renderer:
            renderer.start()
        return template


class SiteTemplateRenderer:
    """Renders the template for the labels of one page. Its process runs from the first label until `close`, or until it exceeds a limit."""

    def __init__(self, template: SiteTemplate) -> None:
        self._template = template
        self._seconds_left = float(PAGE_TIMEOUT)
        self._process: subprocess.Popen[bytes] | None = None
        self._failure: LabelTemplateFailed | None = None

    def start(self) -> "subprocess.Popen[bytes]":
        """Raises LabelTemplateFailed if the template has a syntax error."""
        self._process = subprocess.Popen(  # noqa: S603 — our own file
            [sys.executable, "-I", str(_SANDBOX)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
        )
        setup = {"source": self._template.source, "memory": MEMORY_LIMIT, "seconds": PAGE_TIMEOUT, "max_length": MAX_LABEL_LENGTH}
        try:
            self._ask(self._process, setup, START_TIMEOUT)
        except LabelTemplateFailed as error:
            self._failure = error
            raise
        return self._process

    def render(self, content: LabelContent, rendered: RenderedLabel, label: LabelFormat) -> str:
        """The inside of a label, as HTML. Raises LabelTemplateFailed, and again for every further label once a limit was exceeded."""
        if self._failure:
            raise self._failure
        if self._seconds_left <= 0:
            self.close()
            raise self._fail(_("the labels of one page took more than %(seconds)s seconds", seconds=PAGE_TIMEOUT))
        process = self._process or self.start()
        started = time.monotonic()
        response = self._ask(process, _variables(content, rendered, label), min(LABEL_TIMEOUT, self._seconds_left))
        self._seconds_left -= time.monotonic() - started
        return str(response["html"])

    def close(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                with suppress(BrokenPipeError):
                    stream.close()

    def _ask(self, process: "subprocess.Popen[bytes]", request: dict[str, Any], timeout: float) -> dict[str, Any]:
        requests, responses = cast(IO[bytes], process.stdin), cast(IO[bytes], process.stdout)
        timer = threading.Timer(timeout, process.kill)
        timer.start()
        try:
            requests.write(json.dumps(request).encode() + b"\n")
            requests.flush()
            line = responses.readline(_MAX_RESPONSE_BYTES)
        except BrokenPipeError:
            line = b""
        finally:
            timed_out = not timer.is_alive()
            timer.cancel()
        if not line.endswith(b"\n"):
            self.close()
            if timed_out:
                raise self._fail(_("it took more than %(seconds)s seconds", seconds=f"{timeout:g}"))
            raise self._fail(_("it exceeded the memory or time limit"))
        response: dict[str, Any] = json.loads(line)
        if "error" in response:
            raise _failure(self._template.file, response["error"], response["line"])
        return response

    def _fail(self, reason: str) -> LabelTemplateFailed:
        self._failure = _failure(self._template.file, reason)
        return self._failure


def _failure(file: Path, reason: str, line: int | None = None) -> LabelTemplateFailed:
    message = _(_FAILED_IN_LINE if line else _FAILED, file=file, line=line, reason=reason.rstrip("."))
    return LabelTemplateFailed(message, file=str(file), line=line, reason=reason.rstrip("."))


def _variables(content: LabelContent, rendered: RenderedLabel, label: LabelFormat) -> dict[str, Any]:
    """The variables of a template; `contrib/labels/label.html` documents them."""
    names = ("tag", "serial", "model", "manufacturer", "catalog")
    return {
        "label": {name: normalize_text(content.text(name)) for name in names}
        | {
            "fields": {name: normalize_text(value) for name, value in content.fields.items()},
            "asset_id": content.asset_id,
            "address": content.qr_address,
        },
        "qr": rendered.qr or "",
        "barcode": rendered.barcode or "",
        "format": {"name": label.name, "title": label.title, "width": label.width, "height": label.height},
    }
