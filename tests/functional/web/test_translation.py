"""Sentences are extracted from templates, Python and JavaScript, and a page embeds the translations of its scripts."""

import json
import subprocess
from io import BytesIO
from pathlib import Path

import flask_babel
import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.support import Translations
from flask.testing import FlaskClient
from playwright.sync_api import Browser

from tests.services.chromium import watched

ROOT = Path(__file__).resolve().parents[3]
MODULE = (ROOT / "static/web/translation.js").read_text()


def test_sentences_of_templates_errors_and_scripts_are_extracted(tmp_path: Path) -> None:
    file = tmp_path / "messages.pot"
    subprocess.run(["make", "--silent", "messages", f"POT={file}"], cwd=ROOT, check=True, capture_output=True)
    extracted = file.read_text()
    assert 'msgid "Skip to content"' in extracted  # a template
    assert 'msgid "The database is not available. Try again in a moment."' in extracted  # a Python error
    assert 'msgid "Press Ctrl+C"' in extracted  # JavaScript
    assert 'msgid "%(num)s selected"\nmsgid_plural "%(num)s selected"' in extracted


@pytest.mark.chromium
def test_scripts_of_a_page_in_another_language_are_translated(
    client: FlaskClient, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 'id="translations"' not in client.get("/sign-in").text
    german, file = Catalog(locale="de"), BytesIO()
    german.add("Label of %(tag)s", "Etikett von %(tag)s")
    german.add(("%(num)s row", "%(num)s rows"), ("%(num)s Zeile", "%(num)s Zeilen"))
    write_mo(file, german)
    file.seek(0)
    translations = Translations(file)
    monkeypatch.setattr(flask_babel.get_babel(client.application), "locale_selector", lambda: "de")
    monkeypatch.setattr(flask_babel, "get_translations", lambda: translations)
    answer = client.get("/sign-in").text
    catalog = answer.partition('id="translations"')[2].partition(">")[2].partition("</script>")[0]
    assert json.loads(catalog)["sentences"] == {
        "Label of %(tag)s": "Etikett von %(tag)s",
        "%(num)s row": ["%(num)s Zeile", "%(num)s Zeilen"],
    }
    script = """async (text) => {
      const { gettext: _, ngettext } = await import(`data:text/javascript,${encodeURIComponent(text)}`);
      return [_("Label of %(tag)s", { tag: "W12-0001" }), _("Sound"),
        ...[1, 2, 201].map((n) => ngettext("%(num)s row", "%(num)s rows", n))];
    }"""
    with watched(browser) as page:
        page.set_content(f'<html lang="de"><script type="application/json" id="translations">{catalog}</script></html>')
        assert page.evaluate(script, MODULE) == ["Etikett von W12-0001", "Sound", "1 Zeile", "2 Zeilen", "201 Zeilen"]
        page.set_content('<html lang="en"></html>')
        assert page.evaluate(script, MODULE + "\n") == ["Label of W12-0001", "Sound", "1 row", "2 rows", "201 rows"]
