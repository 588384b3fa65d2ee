"""Requests that are sent twice: a double click, a form that is sent again, a client that got no answer. The second one gets the first
result."""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import affected, upsert_into
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.inventory.errors import InvalidStockField, RequestKeyReused
from request_tracker_utils.inventory.models import StockRequest

REMEMBERED = timedelta(days=30)
MAX_KEY = 80


def once(
    session: Session, key: str, content: Mapping[str, object], do: Callable[[], list[int]], *, actor: Actor, now: datetime
) -> tuple[list[int], bool]:
    """Calls `do`, unless the actor has sent a request with this key before; returns the IDs that `do` has returned, and whether that was
    before. Without a key, each request is new. A concurrent request with the same key waits for the first.

    Raises RequestKeyReused if the first one was for something else.
    """
    if not key:
        return do(), False
    if len(key) > MAX_KEY or not key.isprintable():
        raise InvalidStockField(_("A request key has at most %(count)s printable characters.", count=MAX_KEY), field="Idempotency-Key")
    fingerprint = hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
    insert = upsert_into(session)(StockRequest).values(actor=actor.name, key=key, fingerprint=fingerprint, result=[], created_at=now)
    is_new = session.scalar(insert.on_conflict_do_nothing(index_elements=["actor", "key"]).returning(StockRequest.id)) is not None
    request = session.scalars(select(StockRequest).where(StockRequest.actor == actor.name, StockRequest.key == key)).one()
    if is_new:
        request.result = do()
    elif request.fingerprint != fingerprint:
        raise RequestKeyReused(_("This request key was used for another request. Send a new key with each new request."))
    return request.result, not is_new


def delete_old(session: Session, *, now: datetime) -> int:
    """Deletes old keys."""
    return affected(session.execute(delete(StockRequest).where(StockRequest.created_at < now - REMEMBERED)))
