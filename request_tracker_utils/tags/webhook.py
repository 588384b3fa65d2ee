"""Setting up the webhook in Request Tracker: its secret, and the snippets to paste."""

import hmac
import secrets
from dataclasses import dataclass

from sqlalchemy.orm import Session

from request_tracker_utils.core.db import store_once, stored_value
from request_tracker_utils.core.settings import CONTRIB, Settings
from request_tracker_utils.core.translation import gettext as _

_STORED_NAME = "webhook_token"


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


def _quoted(text: str) -> str:
    """Escaped for Perl's single quotes."""
    return text.replace("\\", "\\\\").replace("'", "\\'")
