"""Messages say the same each time, fit two segments, and are not changed by what people type."""

import email.message
import email.policy
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from request_tracker_utils.core.messages import Channel, MessageKind
from request_tracker_utils.core.translation import gettext_noop
from request_tracker_utils.notifications.rendering import LONGEST_SMS, LONGEST_SUBJECT, NotRendered, Renderer, gsm, septets
from tests.services.tables import check_all

KIND = MessageKind("cable", gettext_noop("Cable request"), "messages/cable")
NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
LINK = "https://rtutils.example.org/tickets/12/approve/" + "k" * 60
TEMPLATES = {
    "cable.txt": "Cable for {{ name }}: {{ note }}\n{% extends 'notifications/messages/layout.txt' %}\n"
    "{% block content %}\nNote: {{ note }}\n\nRequested at {{ at | when }}. {{ link }}\n{% endblock %}\n",
    "cable.html": "{% extends 'notifications/messages/layout.html' %}\n"
    '{% block content %}<p class="quote">{{ note }}</p><p><a class="button" href="{{ link }}">Approve</a></p>{% endblock %}\n',
    "cable.sms.txt": "{{ name }} needs cable: {{ note }} Approve: {{ link }}\n",
    "plain.txt": "Hello\nText\n",
    "broken.txt": "Hello {{ nobody }}\nText\n",
}


@pytest.fixture(scope="module")
def renderer(tmp_path_factory: pytest.TempPathFactory) -> Renderer:
    folder = tmp_path_factory.mktemp("templates")
    (folder / "messages").mkdir()
    for name, text in TEMPLATES.items():
        (folder / "messages" / name).write_text(text)
    layouts = folder / "notifications" / "messages"
    layouts.mkdir(parents=True)
    for layout in (Path(__file__).parents[3] / "templates" / "notifications" / "messages").glob("layout.*"):
        (layouts / layout.name).write_text(layout.read_text())
    return Renderer(address="https://rtutils.example.org", zone=ZoneInfo("America/Chicago"), folder=folder)


def values(**changed: str | int) -> dict[str, str | int]:
    return {"name": "Ada", "note": "Room 12", "at": "2026-03-02T08:00:00+00:00", "link": LINK, **changed}


def test_an_email_has_subject_text_and_html_with_inlined_styles(renderer: Renderer) -> None:
    message = renderer.render(KIND, Channel.EMAIL, values(), to="a@example.org", sender="it@example.org", written_at=NOW)
    assert (message.to, message.sender, message.written_at) == ("a@example.org", "it@example.org", NOW)
    assert message.subject == "Cable for Ada: Room 12"
    assert "Note: Room 12" in message.text
    assert f"Requested at 2026-03-02 02:00. {LINK}" in message.text
    assert "Sent by RequestTracker Utils, https://rtutils.example.org." in message.text
    assert f'href="{LINK}"' in message.html
    assert 'class="quote" style="' in message.html
    assert "prefers-color-scheme: dark" in message.html
    assert renderer.render(KIND, Channel.EMAIL, values(), to="a@example.org", sender="it@example.org", written_at=NOW) == message


def test_nothing_that_people_type_changes_a_message(renderer: Renderer) -> None:
    rows = [
        ("a header", "x\r\nBcc: all@example.org"),
        ("a header after a line feed", "x\nBcc: all@example.org\n\nBody"),
        ("a header after a lone return", "x\rBcc: all@example.org"),
        ("a header after unicode line ends", "x\u2028Bcc: all@example.org\x85Bcc: b@example.org\x0bBcc: c@example.org"),
        ("null and bell", "a\x00b\x07c"),
        ("half a character", "a\ud800b"),
        ("a script", "<script>alert(1)</script>"),
        ("an attribute", '"><img src=x onerror=alert(1)>'),
        ("a style", "</style><style>body{display:none}"),
        ("a template", "{{ 7 * 7 }}{% for x in range(9) %}x{% endfor %}"),
        ("reversed text", "\u202egro.elpmaxe"),
        ("ten thousand characters", "note " * 2_000),
        ("one long word", "x" * 10_000),
        ("emoji", "🧵" * 400),
        ("percent", "100 % of %(name)s %s"),
        ("nothing", ""),
    ]

    def check(_name: str, note: str) -> None:
        message = renderer.render(KIND, Channel.EMAIL, values(note=note), to="a@example.org")
        assert message.subject.isprintable()
        assert len(message.subject) <= LONGEST_SUBJECT
        assert message.subject.startswith("Cable for Ada:")
        sent = email.message.EmailMessage(policy=email.policy.SMTP)
        sent["Subject"] = message.subject
        sent.set_content(message.text)
        sent.add_alternative(message.html, subtype="html")
        read = email.message_from_bytes(bytes(sent), policy=email.policy.SMTP)
        assert set(read.keys()) == {"Subject", "MIME-Version", "Content-Type"}
        assert [message.html.count(tag) for tag in ("<script", "<img", "<style")] == [0, 0, 1]
        assert "49" not in message.text
        assert "\u202e" not in message.text + message.html
        sms = renderer.render(KIND, Channel.SMS, values(note=note), to="+12025550123")
        assert (sms.subject, sms.html) == ("", "")
        assert septets(sms.text) <= LONGEST_SMS
        assert sms.text.endswith(LINK)
        chat = renderer.render(KIND, Channel.CHAT, values(note=note), to="")
        assert len(chat.text) <= 2000
        assert chat.text.endswith(LINK)

    check_all(rows, check)


def test_a_long_note_is_complete_in_an_email(renderer: Renderer) -> None:
    note = "".join(f"line {number}\n" for number in range(1000))[:10_000]
    message = renderer.render(KIND, Channel.EMAIL, values(note=note), to="a@example.org")
    assert note.strip() in message.text
    assert note.strip().rsplit("\n", 1)[1] in message.html
    huge = renderer.render(KIND, Channel.EMAIL, values(note="x" * 10_000_000), to="a@example.org")
    assert len(huge.text) < 21_000


def test_text_messages_are_spelled_in_the_alphabet_of_phones() -> None:
    rows = [
        ("Cable", "Cable"),
        ("“Zoë’s” – café…", '"Zoe\'s" - café...'),
        ("Ångström Łódź", "Ångström Lodz"),
        ("日本 🧵", "?? ?"),
        ("a\u0301b", "ab"),
        ("[x] {y} €", "[x] {y} €"),
        ("½", "1/2"),
        ("Ⅻ ﬁ", "XII fi"),
    ]

    def check(text: str, spelled: str) -> None:
        assert gsm(text) == spelled
        assert septets(gsm(text)) >= len(spelled)

    check_all(rows, check)
    assert septets("[]{}€") == 10


def test_a_text_message_that_cannot_be_shortened_is_cut(renderer: Renderer) -> None:
    message = renderer.render(KIND, Channel.SMS, values(link="https://x.example/" + "[" * 400), to="+12025550123")
    assert message.text.endswith("...")
    assert LONGEST_SMS - 2 < septets(message.text) <= LONGEST_SMS


def test_a_kind_without_html_has_none_and_a_broken_template_says_which(renderer: Renderer) -> None:
    plain = MessageKind("plain", "Plain", "messages/plain")
    assert renderer.render(plain, Channel.EMAIL, {}, to="a@example.org").html == ""
    for name, template in [("broken", "messages/broken"), ("missing", "messages/missing")]:
        with pytest.raises(NotRendered, match=f"“{name}”"):
            renderer.render(MessageKind(name, name, template), Channel.EMAIL, {}, to="a@example.org")
    with pytest.raises(NotRendered, match="“plain”"):
        renderer.render(plain, Channel.SMS, {}, to="+12025550123")


def test_nothing_of_a_message_is_in_its_repr(renderer: Renderer) -> None:
    message = renderer.render(KIND, Channel.EMAIL, values(note="private"), to="a@example.org")
    assert "private" not in repr(message)
    assert "a@example.org" not in repr(message)
