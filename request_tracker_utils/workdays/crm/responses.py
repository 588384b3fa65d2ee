"""How an attempt to send a workday ends. The outcome decides what happens next:

| Outcome | When | What happens next |
|---|---|---|
| accepted | 200 or 201 with an empty body, or with JSON that does not deny success | nothing |
| `CrmDenied` | 401, 403: the token is wrong | the run ends; no workday has failed |
| `CrmUnreachable` | no connection: name, refusal, TLS, time-out | tried again; ten in a row end the run; no workday has failed |
| `CrmFailedForNow` | 408, 429, 5xx, no response, a redirect, a web page, something else that is not an answer of the CRM | tried again |
| `CrmRejected` | other 4xx: the CRM does not want this workday | waits until a person sends it again, or until it changes |
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from html.parser import HTMLParser

from request_tracker_utils.core.errors import Unavailable, UpstreamRefused
from request_tracker_utils.core.outbox import Rejected
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.integrations.http.exchange import Answer

SUCCESSES = frozenset({200, 201})
LONGEST_TEXT = 500
"""Characters of an answer that are stored."""


class CrmDenied(UpstreamRefused):
    """The CRM does not accept the token."""

    code = "crm_denied"


class CrmUnreachable(Unavailable):
    """No connection to the CRM could be established. Nothing was sent."""

    code = "crm_unreachable"


class CrmFailedForNow(UpstreamRefused):
    """The CRM has not confirmed the workday, and may confirm it later. `retry_after` is how long it asks to be left alone; `answered` says
    whether a complete response came back in time."""

    code = "crm_failed"

    def __init__(self, message: str, *, retry_after: timedelta | None = None, answered: bool = True) -> None:
        super().__init__(message)
        self.retry_after, self.answered = retry_after, answered


class CrmRejected(Rejected):
    """The CRM does not accept this workday. Correct what it names, then send the workday again."""

    code = "crm_rejected"


CrmError = CrmDenied | CrmUnreachable | CrmFailedForNow | CrmRejected


def check_answer(answer: Answer) -> None:
    """Returns if the CRM has accepted the workday, and raises the outcome otherwise."""
    status, answered = answer.status, answer.complete
    if status in SUCCESSES:
        if problem := _problem_of_success(answer):
            raise CrmFailedForNow(problem, answered=answered)
    elif status in (401, 403):
        raise CrmDenied(_("The CRM does not accept the token (%(status)s). Check CRM_API_TOKEN.", status=status))
    elif 300 <= status < 400:
        text = _("The CRM redirects to another address (%(status)s), where nothing is sent. Correct CRM_API_URL.", status=status)
        raise CrmFailedForNow(text, answered=answered)
    elif status == 429:
        text = _("The CRM accepts no more requests at the moment (%(status)s).", status=status)
        raise CrmFailedForNow(text, retry_after=answer.retry_after, answered=answered)
    elif status == 408 or status >= 500:
        text = _("The CRM had an error (%(status)s).", status=status)
        raise CrmFailedForNow(text, retry_after=answer.retry_after, answered=answered)
    elif status >= 400:
        raise CrmRejected(_("The CRM rejects the workday (%(status)s).", status=status))
    else:
        raise CrmFailedForNow(_("The CRM answered %(status)s instead of 200 or 201.", status=status), answered=answered)


def _problem_of_success(answer: Answer) -> str:
    """Why 200 or 201 is not believed: a content filter, a login page and a crashed program answer that too."""
    if not answer.complete:
        return _("The response of the CRM was not complete (%(status)s).", status=answer.status)
    content = answer.body.removeprefix(b"\xef\xbb\xbf").strip()
    if not content:
        return ""
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError):
        if content.startswith(b"<"):
            return _("A web page was returned (%(status)s) instead of an answer of the CRM. Check CRM_API_URL.", status=answer.status)
        return _("The response of the CRM cannot be read (%(status)s).", status=answer.status)
    if isinstance(parsed, dict) and not _succeeded(parsed.get("success", True)):
        return _("The CRM says that it did not succeed (%(status)s).", status=answer.status)
    return ""


def _succeeded(success: object) -> bool:
    return bool(success) and str(success).strip().lower() not in ("false", "0", "no")


def described(answer: Answer, secrets: Sequence[str] = ()) -> str:
    """The status and what the CRM said, as it is stored and shown."""
    return f"{answer.status} {plain_text(answer.body, secrets)}".rstrip()


def plain_text(body: bytes, secrets: Sequence[str] = ()) -> str:
    """The first characters on one line, without tags and without these secrets."""
    text = body[:65_536].decode("utf-8", "replace")
    if text.lstrip().startswith("<"):
        reader = _Text()
        with suppress(AssertionError):  # a declaration that the parser does not know; what came before it is enough
            reader.feed(text)
        text = " ".join(reader.found)
    for secret in secrets:
        text = text.replace(secret, "***") if secret else text
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())[:LONGEST_TEXT]


class _Text(HTMLParser):
    """The text of a page, without styles and scripts."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._skipped = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._skipped = tag if tag in ("script", "style") else ""

    def handle_endtag(self, tag: str) -> None:
        self._skipped = ""

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self.found.append(data)
