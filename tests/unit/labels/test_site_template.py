"""A site's own template only controls the look of labels: it cannot read files, ends in time, and its errors are explained."""

import os
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from request_tracker_utils.core.settings import CONTRIB
from request_tracker_utils.labels import site_template
from request_tracker_utils.labels.errors import LabelTemplateFailed
from request_tracker_utils.labels.installed_formats import built_in_formats
from request_tracker_utils.labels.print_page import render_label, render_labels
from request_tracker_utils.labels.renderer import LabelContent, LabelRenderer
from request_tracker_utils.labels.site_template import SiteTemplate, SiteTemplateRenderer
from tests.services.label_pages import PAGE_OPTIONS, label_page
from tests.services.tables import check_all

LARGE = built_in_formats().get("large")
CONTENT = LabelContent(5, "W12-0005", "https://x.example.org/5", serial="S<1", model="Chromebook", fields={"Room": "12"})


def template(source: str) -> SiteTemplate:
    return SiteTemplate(Path("/etc/labels/own.html"), source)


def render(source: str, content: LabelContent = CONTENT) -> str:
    with closing(SiteTemplateRenderer(template(source))) as renderer:
        return renderer.render(content, LabelRenderer(LARGE).render(content), LARGE)


def test_the_template_gets_the_label_its_codes_and_its_format() -> None:
    source = (
        "{{ label.tag }}|{{ label.serial }}|{{ label.model }}|{{ label.manufacturer }}|{{ label.catalog }}|{{ label.fields.Room }}|"
        "{{ label.asset_id }}|{{ label.address }}|{{ format.name }}|{{ format.width }}|{{ qr[:14] }}|{{ barcode[:14] }}"
    )
    assert render(source) == ("W12-0005|S&lt;1|Chromebook|||12|5|https://x.example.org/5|large|100.0|data:image/svg|data:image/svg")
    assert render("{{ label.tag }}{{ barcode }}", LabelContent(7, "", "https://x.example.org/7")) == "#7"


def test_the_sandbox_denies_files_internals_and_excess() -> None:
    def check(source: str, reason: str) -> None:
        with pytest.raises(LabelTemplateFailed) as error:
            render(source)
        assert reason in error.value.message
        assert error.value.message.startswith("The label template /etc/labels/own.html failed")

    check_all(
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
            ("{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}", "nested too deeply"),
            ("{{ label.tag * 100000 }}", "more than 256 KB"),
            ("{{ " + "(" * 5_000, "nested too deeply"),
        ],
        check,
    )


def test_the_process_can_open_no_file_even_outside_the_sandbox_and_has_no_environment() -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import site_template_sandbox as own; own.set_limits(2**28, 5); open('/etc/passwd')"
    )
    folder = Path(site_template.__file__).parent
    ended = subprocess.run([sys.executable, "-I", "-c", program, str(folder)], capture_output=True, text=True, check=False, timeout=30)
    assert ended.returncode != 0
    assert "Too many open files" in ended.stderr
    with closing(SiteTemplateRenderer(template("x"))) as renderer:
        assert Path(f"/proc/{renderer.start().pid}/environ").read_bytes() == b""


def test_endless_templates_are_stopped_with_their_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_template, "LABEL_TIMEOUT", 0.7)

    def check(source: str) -> None:
        started, rendered = time.monotonic(), LabelRenderer(LARGE).render(CONTENT)
        with closing(SiteTemplateRenderer(template(source))) as renderer:
            for _label in range(2):
                with pytest.raises(LabelTemplateFailed, match=r"took more than 0.7 seconds"):
                    renderer.render(CONTENT, rendered, LARGE)
            assert renderer._process.poll() is not None
        assert time.monotonic() - started < 8

    check_all(["{% for a in range(99999) %}" * 4 + "{% endfor %}" * 4, "{{ label.asset_id ** (9 ** 9) }}"], check)


def test_all_labels_of_a_page_share_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_template, "PAGE_TIMEOUT", 1)
    notices: list[str] = []
    slow = template("{% for a in range(200) %}{% for b in range(99) %}{% for c in range(99) %}{% endfor %}{% endfor %}{% endfor %}x")
    html = label_page([CONTENT] * 30, LARGE, copies=2, notices=notices, site_template=slow)
    assert 0 < html.count('<div class="label">') < 60
    assert len(notices) == html.count("not-printed screen") >= 1
    assert any(limit in notices[-1] for limit in ("took more than", "exceeded the memory or time limit"))


def test_an_invalid_file_is_rejected_with_line_and_reason(tmp_path: Path) -> None:
    file = tmp_path / "own.html"

    def check(content: bytes, line: int | None, reason: str) -> None:
        file.write_bytes(content)
        with pytest.raises(LabelTemplateFailed) as error:
            SiteTemplate.load(file)
        assert error.value.message.startswith(f"The label template {file} failed{f' in line {line}' if line else ''}: ")
        assert reason in error.value.message
        assert error.value.fields["line"] == line

    check_all(
        [
            (b"one\n{% if %}", 2, "Expected an expression"),
            (b"{{ label.tag", 1, "unexpected end"),
            (b"\n\n{% nothing %}", 3, "unknown tag"),
            (b"\xff\xfe", None, "utf-8"),
            (b"x" * 1_100_000, None, "larger than"),
        ],
        check,
    )


def test_an_error_while_rendering_names_its_line() -> None:
    with pytest.raises(LabelTemplateFailed, match=r"own.html failed in line 3: .*no attribute 'color'\. Fix the template"):
        render("one\ntwo\n{{ label.color }}")


def test_a_batch_leaves_out_labels_that_fail() -> None:
    notices: list[str] = []
    labels = [replace_room(None), replace_room("7")]
    html = label_page(labels, LARGE, notices=notices, site_template=template("Room {{ label.fields['Room'] }}"))
    assert html.count('<div class="label">') == 1
    assert "Room 7" in html
    assert "own.html failed in line 1" in notices[0]
    with pytest.raises(LabelTemplateFailed):
        render_label(labels[0], LARGE, notices=[], site_template=template("{{ label.fields['Room'] }}"), **PAGE_OPTIONS)


def replace_room(room: str | None) -> LabelContent:
    return LabelContent(2, "W12-0002", "https://x.example.org/2", fields={"Room": room} if room else {})


def test_an_abandoned_page_leaves_no_process_behind() -> None:
    before = set(os.listdir("/proc"))
    chunks = render_labels([CONTENT] * 100, LARGE, notices=[], site_template=template("x"), **PAGE_OPTIONS)
    next(chunks)
    del chunks
    new = [pid for pid in set(os.listdir("/proc")) - before if pid.isdigit() and b"site_template_sandbox" in _command(pid)]
    assert [pid for pid in new if _parent(pid) == os.getpid()] == []


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


def test_the_example_template_prints_what_the_large_format_prints() -> None:
    example = SiteTemplate.load(CONTRIB / "labels" / "label.html")
    html = "".join(render_label(CONTENT, LARGE, notices=[], site_template=example, **PAGE_OPTIONS))
    assert ">W12-0005<" in html
    assert "S/N S&lt;1" in html
    assert html.count('alt="QR Code"') == html.count('alt="Barcode"') == 1
