"""The webhook's secret: a setting, or made once and kept where all processes find it."""

import hmac
import secrets

from sqlalchemy.orm import Session

from request_tracker_utils.core.settings import Settings
from request_tracker_utils.core.stored_values import store_once, stored_value

_NAME = "webhook_token"


def ensure_secret(session: Session) -> None:
    store_once(session, _NAME, secrets.token_urlsafe(32))


def secret(session: Session, settings: Settings) -> str:
    if settings.webhook_token:
        return settings.webhook_token.get_secret_value()
    return stored_value(session, _NAME) or ""


def is_secret(session: Session, settings: Settings, given: str) -> bool:
    return given != "" and hmac.compare_digest(secret(session, settings).encode(), given.encode())
