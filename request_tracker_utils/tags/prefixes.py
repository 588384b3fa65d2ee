"""Prefixes other than PREFIX, the catalogs that use them, and the counts of each sequence."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import after_commit, upsert_into
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.settings.types import PREFIX_FORM
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.tags import audit, sequence
from request_tracker_utils.tags.errors import PrefixTaken, SequenceExhausted, SequenceNotReady
from request_tracker_utils.tags.models import IS_RELEASED, CatalogPrefix, Tag, TagSequence

LONGEST_CATALOG = 255


@dataclass(frozen=True)
class SequenceSummary:
    """`next_tag` is empty until the sequence `is_ready`, and when it is exhausted. `pending` counts the tags that the asset store has not
    confirmed."""

    prefix: str
    next_number: int
    next_tag: str
    is_ready: bool
    in_use: int
    released: int
    pending: int


def prefix_for(session: Session, catalog: str | None, default: str) -> str:
    """The prefix for new assets in the catalog; the default if the catalog is not known or has none of its own."""
    if not catalog:
        return default
    return session.scalar(select(CatalogPrefix.prefix).where(CatalogPrefix.catalog == catalog)) or default


def catalog_prefixes(session: Session) -> list[CatalogPrefix]:
    """The catalogs with a prefix of their own, by name."""
    return list(session.scalars(select(CatalogPrefix).order_by(CatalogPrefix.catalog)))


def create(session: Session, prefix: str, *, actor: Actor, now: datetime) -> None:
    """Creates a sequence, which assigns tags once the existing tags with the prefix are adopted. Raises Invalid, PrefixTaken."""
    if not PREFIX_FORM.fullmatch(prefix):
        raise Invalid(
            _("A prefix has 1 to 16 letters, digits, dots, hyphens or underscores, and does not end with a digit, such as LAB-."),
            field="prefix",
        )
    sequence.lock_all(session)  # a concurrent transaction with a similar prefix waits here, and then finds this one
    similar = next((known for known in sequence.prefixes(session) if known.lower() == prefix.lower()), None)
    if similar is not None:
        raise PrefixTaken(
            _("The prefix %(prefix)s already exists. Choose one that differs in more than case.", prefix=similar),
            field="prefix",
        )
    sequence.create_if_missing(session, prefix, now=now)
    after_commit(session, sequence.ADOPT_TAGS)
    audit.record_change(session, prefix, None, None, action="prefix", actor=actor, now=now)


def set_for_catalog(session: Session, catalog: str, prefix: str, *, actor: Actor, now: datetime) -> None:
    """Assigns tags with the prefix to new assets in the catalog. Existing tags do not change. Raises PrefixNotFound."""
    if prefix not in sequence.prefixes(session):
        raise sequence.prefix_not_found(prefix)
    values = {"prefix": prefix, "changed_by": actor.name, "changed_at": now}
    insert = upsert_into(session)(CatalogPrefix).values(catalog=catalog, **values)
    session.execute(insert.on_conflict_do_update(index_elements=["catalog"], set_=values))
    audit.record_change(session, prefix, None, None, action="catalog", actor=actor, now=now, reason=f"for new assets in {catalog}")


def remove_for_catalog(session: Session, catalog: str, *, actor: Actor, now: datetime) -> bool:
    """Assigns tags with PREFIX to new assets in the catalog again. Returns whether the catalog had a prefix of its own."""
    prefix = session.scalar(delete(CatalogPrefix).where(CatalogPrefix.catalog == catalog).returning(CatalogPrefix.prefix))
    if prefix is not None:
        reason = f"no longer used for new assets in {catalog}"
        audit.record_change(session, prefix, None, None, action="catalog", actor=actor, now=now, reason=reason)
    return prefix is not None


def summaries(session: Session) -> list[SequenceSummary]:
    """Every sequence, by prefix."""
    count = select(Tag.prefix, func.count()).group_by(Tag.prefix)
    total = _counts(session, count)
    released = _counts(session, count.where(IS_RELEASED))
    pending = _counts(session, count.where(Tag.due_at.is_not(None)))
    return [
        SequenceSummary(
            prefix=row.prefix,
            next_number=row.next_number,
            next_tag=_next_tag(session, row.prefix),
            is_ready=row.adopted_at is not None,
            in_use=total.get(row.prefix, 0) - released.get(row.prefix, 0),
            released=released.get(row.prefix, 0),
            pending=pending.get(row.prefix, 0),
        )
        for row in session.scalars(select(TagSequence).order_by(TagSequence.prefix))
    ]


def summary(session: Session, prefix: str) -> SequenceSummary:
    """Raises PrefixNotFound."""
    found = next((each for each in summaries(session) if each.prefix == prefix), None)
    if found is None:
        raise sequence.prefix_not_found(prefix)
    return found


def _counts(session: Session, query: Select[str, int]) -> dict[str, int]:
    return {row[0]: row[1] for row in session.execute(query)}


def _next_tag(session: Session, prefix: str) -> str:
    try:
        return str(sequence.preview(session, prefix))
    except (SequenceNotReady, SequenceExhausted):
        return ""
