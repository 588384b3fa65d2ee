"""Renders messages from the templates of their kind: the subject and text of an email, its HTML, and the short text of SMS and chat.

**The same values give the same message**, whenever and wherever it is rendered: providers recognize a repetition by its key, and refuse it
if the message has changed. So templates know no time, and the time zone and the language are those of the installation.

Values come from anybody: names, notes, titles. They cannot add a header, since a subject is one line without control characters; or HTML,
since templates escape; or direction marks that make text read differently from what it says.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from css_inline import CSSInliner
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, TemplateError, TemplateNotFound, select_autoescape

from request_tracker_utils.core import translation
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.messages import Channel, MessageKind, Values
from request_tracker_utils.core.settings import TEMPLATES
from request_tracker_utils.core.text import clean
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.notifications.providers.interface import RenderedMessage

LONGEST_SUBJECT = 150
LONGEST_VALUE = 20_000
"""Characters of one value. Longer ones end with an ellipsis."""
LONGEST_SMS = 306
"""Two segments: 153 septets of GSM-7 in each. Each segment costs the same, and is sent alone."""
LONGEST_CHAT = 2_000
"""Characters. The least that a chat service accepts (Discord)."""
SHORTER = (200, 120, 80, 50, 30, 20, 12, 6)
"""To how many characters the values of a short text are cut, until it fits. Addresses are never cut: they would lead nowhere."""

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = "^{}\\[~]|€"
"""Characters of GSM-7 that take two septets."""
_SEPTETS = {**dict.fromkeys(_BASIC, 1), **dict.fromkeys(_EXTENDED, 2)}
_SPELLED = str.maketrans(
    {
        **dict.fromkeys("‘’‚′`´", "'"),
        **dict.fromkeys("“”„″«»", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        "…": "...",
        "•": "-",
        "·": "-",
        "×": "x",
        "→": "->",
        "™": "(TM)",
        "©": "(C)",
        "®": "(R)",
        "ł": "l",
        "Ł": "L",
        "đ": "d",
        "Đ": "D",
        "ı": "i",
        "œ": "oe",
        "Œ": "OE",
        "\t": " ",
        "½": "1/2",
        "¼": "1/4",
        "°": "deg",
    }
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufff9-\uffff]")
_LINE_ENDS = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_ADDRESS = re.compile(r"https?://\S+")


class NotRendered(AppError):
    """The message cannot be rendered: its template is missing, or needs a value that the message lacks. Our fault."""

    status, code = 500, "not_rendered"


class Renderer:
    """`address` is that of this program, for links (`{{ app_url }}`). Thread-safe."""

    def __init__(self, *, address: str, zone: ZoneInfo, folder: Path = TEMPLATES) -> None:
        self._address, self.zone = address, zone
        self._templates = self._environment(folder)
        self._emails: dict[str, tuple[Template, Template]] = {}
        self._inliner = CSSInliner(load_remote_stylesheets=False, keep_at_rules=True)

    def render(
        self, kind: MessageKind, channel: Channel, values: Values, *, to: str, sender: str = "", written_at: datetime | None = None
    ) -> RenderedMessage:
        """Raises NotRendered."""
        clean_values = {name: _clean(value) if isinstance(value, str) else value for name, value in values.items()}
        clean_values["app_url"] = self._address
        subject, text, html = "", "", ""
        try:
            if channel is Channel.EMAIL:
                subject, text = self._subject_and_text(f"{kind.template}.txt", clean_values)
                html = self._html_of(f"{kind.template}.html", subject, clean_values)
            elif channel is Channel.SMS:
                text = self._sms(f"{kind.template}.sms.txt", clean_values)
            else:
                subject, text = _one_line(translation.gettext(kind.title)), self._chat(f"{kind.template}.sms.txt", clean_values)
        except TemplateError as error:
            names = {"kind": kind.name, "problem": f"{type(error).__name__}: {error}"}
            raise NotRendered(_("The template of “%(kind)s” cannot be rendered (%(problem)s). Report this error.", **names)) from error
        return RenderedMessage(channel, to, sender, subject, text, html, written_at)

    def _environment(self, folder: Path) -> Environment:
        environment = Environment(
            loader=FileSystemLoader(folder),
            autoescape=select_autoescape(["html"], default_for_string=False),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
        )
        environment.install_gettext_callables(translation.gettext, translation.ngettext, newstyle=True)  # type: ignore[attr-defined]
        environment.filters["when"] = self._when
        return environment

    def _when(self, at: str) -> str:
        """A time that was stored as text (`datetime.isoformat`), as people read it."""
        return datetime.fromisoformat(at).astimezone(self.zone).strftime("%Y-%m-%d %H:%M")

    def _subject_and_text(self, name: str, values: Mapping[str, str | int]) -> tuple[str, str]:
        subject, text = self._emails.get(name) or self._emails.setdefault(name, self._split(name))
        return _one_line(subject.render(values)), text.render(values).strip() + "\n"

    def _split(self, name: str) -> tuple[Template, Template]:
        """The first line of the file is the subject: a line break in a value cannot move the rest of it into the text."""
        if self._templates.loader is None:
            raise TemplateNotFound(name)
        subject, _end, text = self._templates.loader.get_source(self._templates, name)[0].partition("\n")
        return self._templates.from_string(subject), self._templates.from_string(text.lstrip("\n"))

    def _html_of(self, name: str, subject: str, values: Mapping[str, str | int]) -> str:
        """Empty if the kind has no HTML template."""
        try:
            template = self._templates.get_template(name)
        except TemplateNotFound as missing:
            if missing.name == name:
                return ""
            raise
        return self._inliner.inline(template.render({**values, "subject": subject}))

    def _sms(self, name: str, values: Mapping[str, str | int]) -> str:
        template = self._templates.get_template(name)
        text = ""
        for longest in (LONGEST_VALUE, *SHORTER):
            text = gsm(template.render(_shortened(values, longest)).strip())
            if septets(text) <= LONGEST_SMS:
                return text
        return _cut_septets(text)

    def _chat(self, name: str, values: Mapping[str, str | int]) -> str:
        template = self._templates.get_template(name)
        text = ""
        for longest in (LONGEST_VALUE, 1000, *SHORTER):
            text = template.render(_shortened(values, longest)).strip()
            if len(text) <= LONGEST_CHAT:
                return text
        return _cut(text, LONGEST_CHAT)


def gsm(text: str) -> str:
    """The text in characters of GSM-7. One other character would make each segment 67 characters long instead of 153. Letters lose accents
    that GSM-7 lacks; what it cannot spell at all becomes a question mark."""
    if all(character in _SEPTETS for character in text):
        return text
    return "".join(_spelled(character) for character in unicodedata.normalize("NFC", text).translate(_SPELLED))


def septets(text: str) -> int:
    """The length of a text in GSM-7."""
    return sum(_SEPTETS[character] for character in text)


def _spelled(character: str) -> str:
    if character in _SEPTETS:
        return character
    plain = "".join(each for each in unicodedata.normalize("NFKD", character) if each in _SEPTETS)
    return plain or ("" if unicodedata.category(character) in ("Mn", "Cf") else "?")


def _cut_septets(text: str) -> str:
    length, end = 3, 0
    while end < len(text) and length + _SEPTETS[text[end]] <= LONGEST_SMS:
        length += _SEPTETS[text[end]]
        end += 1
    return f"{text[:end].rstrip()}..."


def _clean(value: str) -> str:
    text = _CONTROLS.sub("", _LINE_ENDS.sub("\n", clean(value)))
    return _cut(text, LONGEST_VALUE)


def _one_line(text: str) -> str:
    return _cut(" ".join(_CONTROLS.sub(" ", _LINE_ENDS.sub(" ", clean(text))).split()), LONGEST_SUBJECT)


def _shortened(values: Mapping[str, str | int], longest: int) -> dict[str, str | int]:
    """Short texts are one paragraph."""
    return {
        name: value if isinstance(value, int) or _ADDRESS.fullmatch(value) else _cut(" ".join(value.split()), longest)
        for name, value in values.items()
    }


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"
