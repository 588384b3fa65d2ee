"""A site's own template may say how labels look, and can do nothing else: it reads nothing, ends in time, and says what is wrong."""

import os
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from request_tracker_utils.core.resources import CONTRIB
from request_tracker_utils.labels import site_template
from request_tracker_utils.labels.catalogue import built_in
from request_tracker_utils.labels.drawing import Drawer, LabelContent
from request_tracker_utils.labels.page import render_label, render_labels
from request_tracker_utils.labels.site_template import Filler, LabelTemplateFailed, OwnTemplate
from tests.unit.labels.test_page import LABEL, PAGE

LARGE = built_in().named("large")
CONTENT = LabelContent(5, "W12-0005", "https://x.example.org/5", serial="S<1", model="Chromebook", fields={"Room": "12"})


def template(source: str) -> OwnTemplate:
    return OwnTemplate(Path("/etc/labels/own.html"), source)


def fill(source: str, content: LabelContent = CONTENT) -> str:
    with closing(Filler(template(source))) as filler:
        return filler.fill(content, Drawer(LARGE).draw(content), LARGE)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> float:
    """A limit that a test can wait for."""
    monkeypatch.setattr(site_template, "SECONDS_OF_LABEL", 0.7)
    return time.monotonic()


def test_it_is_given_the_label_its_codes_and_its_format() -> None:
    source = (
        "{{ label.tag }}|{{ label.serial }}|{{ label.model }}|{{ label.manufacturer }}|{{ label.catalog }}|{{ label.fields.Room }}|"
        "{{ label.asset_id }}|{{ label.address }}|{{ format.name }}|{{ format.width }}|{{ qr[:14] }}|{{ barcode[:14] }}"
    )
    assert fill(source) == ("W12-0005|S&lt;1|Chromebook|||12|5|https://x.example.org/5|large|100.0|data:image/svg|data:image/svg")
    assert fill("{{ label.tag }}{{ barcode }}", LabelContent(7, "", "https://x.example.org/7")) == "#7"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{% include '/etc/passwd' %}", "no loader"),
        ("{% import 'os' as os %}", "no loader"),
        ("{% extends '/etc/passwd' %}", "no loader"),
        ("{{ open('/etc/passwd').read() }}", "'open' is undefined"),
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "__class__"),
        ("{{ label.__class__.__init__.__globals__ }}", "unsafe"),
        ("{{ '{0.__class__.__init__}'.format(label) }}", "unsafe"),
        ("{{ cycler.__init__.__globals__.os.popen('id').read() }}", "__init__"),
        ("{{ label.update({'tag': 'W12-9999'}) }}", "update"),
        ("{{ config }}", "'config' is undefined"),
        ("{{ lipsum() }}", "'lipsum' is undefined"),
        ("{{ label.nothing }}", "no attribute 'nothing'"),
        ("{{ label.fields['Nothing'] }}", "no attribute 'Nothing'"),
        ("{{ label.tag * 10 ** 10 }}", "too much memory"),
        ("{{ 'x' * 10 ** 10 }}", "too much memory"),
        ("{{ label.tag.ljust(9 ** 9) }}", "too much memory"),
        ("{{ range(10 ** 9) | list }}", "Range too big"),
        ("{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}", "goes too deep"),
        ("{{ label.tag * 100000 }}", "more than 256 KB"),
        ("{{ " + "(" * 5_000, "goes too deep"),
    ],
)
def test_what_it_must_not_do_it_cannot(source: str, reason: str) -> None:
    with pytest.raises(LabelTemplateFailed) as failure:
        fill(source)
    assert reason in failure.value.message
    assert failure.value.message.startswith("The label template /etc/labels/own.html")


def test_no_file_can_be_opened_even_by_what_escapes_the_sandbox() -> None:
    program = "import sys; sys.path.insert(0, sys.argv[1]); import template_process as own; own.limit(2**28, 5); open('/etc/passwd')"
    folder = Path(site_template.__file__).parent
    ended = subprocess.run([sys.executable, "-I", "-c", program, str(folder)], capture_output=True, text=True, check=False, timeout=30)
    assert ended.returncode != 0
    assert "Too many open files" in ended.stderr


def test_the_environment_of_the_program_is_not_handed_on() -> None:
    with closing(Filler(template("x"))) as filler:
        environment = Path(f"/proc/{filler.start().pid}/environ").read_bytes()
    assert environment == b""


@pytest.mark.parametrize("source", ["{% for a in range(99999) %}" * 4 + "{% endfor %}" * 4, "{{ label.asset_id ** (9 ** 9) }}"])
def test_what_does_not_end_is_ended_and_its_process_with_it(quick: float, source: str) -> None:
    with closing(Filler(template(source))) as filler:
        with pytest.raises(LabelTemplateFailed, match=r"took more than 0.7 seconds"):
            filler.fill(CONTENT, Drawer(LARGE).draw(CONTENT), LARGE)
        assert time.monotonic() - quick < 5
        assert filler._process.poll() is not None
        with pytest.raises(LabelTemplateFailed, match=r"took more than 0.7 seconds"):
            filler.fill(CONTENT, Drawer(LARGE).draw(CONTENT), LARGE)


def test_a_page_has_its_limit_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_template, "SECONDS_OF_PAGE", 1)
    notices: list[str] = []
    slow = template("{% for a in range(200) %}{% for b in range(99) %}{% for c in range(99) %}{% endfor %}{% endfor %}{% endfor %}x")
    html = "".join(render_labels([LABEL] * 30, LARGE, copies=2, notices=notices, own=slow, **PAGE))
    assert 0 < html.count('<div class="label">') < 60
    assert len(notices) == html.count("left-out screen") >= 1
    assert any(limit in notices[-1] for limit in ("took more than", "passed the limits"))


@pytest.mark.parametrize(
    ("source", "line", "reason"),
    [("one\n{% if %}", 2, "Expected an expression"), ("{{ label.tag", 1, "unexpected end"), ("\n\n{% nothing %}", 3, "unknown tag")],
)
def test_a_wrong_syntax_is_told_with_file_line_and_reason(tmp_path: Path, source: str, line: int, reason: str) -> None:
    file = tmp_path / "own.html"
    file.write_text(source)
    with pytest.raises(LabelTemplateFailed, match=f"{file}, line {line}, does not work: .*{reason}") as failure:
        OwnTemplate.of(file)
    assert failure.value.fields["line"] == line


def test_a_file_that_is_no_text_or_too_large_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "own.html"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(LabelTemplateFailed, match="utf-8"):
        OwnTemplate.of(file)
    file.write_bytes(b"x" * 1_100_000)
    with pytest.raises(LabelTemplateFailed, match="larger than"):
        OwnTemplate.of(file)


def test_an_error_while_filling_is_told_with_its_line() -> None:
    with pytest.raises(LabelTemplateFailed, match=r"own.html, line 3, does not work: .*no attribute 'color'\. Mend it"):
        fill("one\ntwo\n{{ label.color }}")


def test_in_a_batch_a_label_that_cannot_be_filled_is_left_out_and_the_others_print() -> None:
    notices: list[str] = []
    labels = [LABEL, LabelContent(2, "W12-0002", "https://x.example.org/2", fields={"Room": "7"})]
    html = "".join(render_labels(labels, LARGE, notices=notices, own=template("Room {{ label.fields['Room'] }}"), **PAGE))
    assert html.count('<div class="label">') == 1
    assert "Room 7" in html
    assert "own.html, line 1, does not work" in notices[0]
    with pytest.raises(LabelTemplateFailed):
        render_label(LABEL, LARGE, notices=[], own=template("{{ label.fields['Room'] }}"), **PAGE)


def test_no_process_is_left_behind_by_a_page_that_nobody_reads_to_its_end() -> None:
    before = set(os.listdir("/proc"))
    pages = render_labels([LABEL] * 100, LARGE, notices=[], own=template("x"), **PAGE)
    next(pages)
    del pages
    own = [pid for pid in set(os.listdir("/proc")) - before if pid.isdigit() and b"template_process" in _command(pid)]
    assert [pid for pid in own if _parent(pid) == os.getpid()] == []


def _command(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _parent(pid: str) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0


def test_the_example_says_what_the_large_label_says() -> None:
    example = OwnTemplate.of(CONTRIB / "labels" / "label.html")
    html = "".join(render_label(CONTENT, LARGE, notices=[], own=example, **PAGE))
    assert ">W12-0005<" in html
    assert "S/N S&lt;1" in html
    assert html.count('alt="QR Code"') == html.count('alt="Barcode"') == 1
