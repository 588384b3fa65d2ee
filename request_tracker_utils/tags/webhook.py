"""The webhook in Request Tracker: its secret, the snippets to paste, and how many tags it assigns."""

import hmac
import secrets
from collections import deque
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from request_tracker_utils.core.actor import REQUEST_TRACKER
from request_tracker_utils.core.db import store_once, stored_value
from request_tracker_utils.core.settings import CONTRIB, Settings
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.tags import audit
from request_tracker_utils.tags.models import TagEvent

ALERT_FOR = timedelta(hours=1)
"""How long the health check warns after a minute with too many tags."""
MINUTE = timedelta(minutes=1)
_STORED_NAME = "webhook_token"
_ROWS = 500
_RESERVATION = aliased(TagEvent)
_WAS_RESERVED = exists().where(_RESERVATION.tag == TagEvent.tag, _RESERVATION.action == "reserved", _RESERVATION.id < TagEvent.id)
_BY_WEBHOOK = and_(
    TagEvent.actor == REQUEST_TRACKER.name,
    or_(TagEvent.action == "assigned", and_(TagEvent.action == "bound", ~_WAS_RESERVED)),
)
"""Tags that a call has used up. Those of assets that this program creates were reserved before Request Tracker called."""


@dataclass(frozen=True)
class Snippet:
    title: str
    file: str
    text: str


def ensure_secret(session: Session) -> None:
    """Generates the secret once, for all processes."""
    store_once(session, _STORED_NAME, secrets.token_urlsafe(32))


def secret(session: Session, settings: Settings) -> str:
    """WEBHOOK_TOKEN, or the generated secret."""
    if settings.webhook_token:
        return settings.webhook_token.get_secret_value()
    return stored_value(session, _STORED_NAME) or ""


def is_secret(session: Session, settings: Settings, given: str) -> bool:
    return given != "" and hmac.compare_digest(secret(session, settings).encode(), given.encode())


def count_assigned(session: Session, *, since: datetime) -> int:
    """How many tags the webhook has assigned since then."""
    newest = _newest(session, since).subquery()
    return session.execute(select(func.count()).select_from(newest)).scalar_one()


def busiest_moment(session: Session, *, limit: int, since: datetime) -> datetime | None:
    """The last time since then at which the webhook had assigned more than `limit` tags within a minute; None if it never had.

    The calls are counted in the audit log, which all processes share and nobody can change; a call costs nothing more.
    """
    window: deque[datetime] = deque()
    with closing(session.execute(_newest(session, since).execution_options(yield_per=_ROWS))) as rows:
        for (at,) in rows:
            window.append(at)
            while window[0] - at > MINUTE:
                window.popleft()
            if len(window) > limit:
                return window[0]
    return None


def snippets(address: str, secret: str) -> dict[str, Snippet]:
    """The files of contrib/rt with the address and the secret filled in: `plugin`, `condition`, `action`."""
    files = {
        "plugin": ("RT_SiteConfig.snippet.pm", _("RT 5: settings of the plugin")),
        "condition": ("scrip-condition.pl", _("RT 6: custom condition of the scrip")),
        "action": ("scrip-action.pl", _("RT 6: custom action of the scrip")),
    }
    found = {}
    for key, (file, title) in files.items():
        text = (CONTRIB / "rt" / file).read_text(encoding="utf-8")
        found[key] = Snippet(title, file, text.replace("@WEBHOOK_URL@", _quoted(address)).replace("@WEBHOOK_TOKEN@", _quoted(secret)))
    return found


def _newest(session: Session, since: datetime) -> Select[datetime]:
    """The times of these entries, the latest first."""
    recent = (TagEvent.id >= audit.first_id(session, since - audit.CLOCK_SKEW), TagEvent.at > since)
    return select(TagEvent.at).where(_BY_WEBHOOK, *recent).order_by(TagEvent.id.desc())


def _quoted(text: str) -> str:
    """Escaped for Perl's single quotes."""
    return text.replace("\\", "\\\\").replace("'", "\\'")
