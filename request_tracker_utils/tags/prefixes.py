"""Prefixes beside PREFIX, and the catalogs whose assets get tags of another prefix."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import after_commit, upsert_into
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.settings import PREFIX_FORM
from request_tracker_utils.tags import sequence, trail
from request_tracker_utils.tags.errors import PrefixNotFound, PrefixTaken
from request_tracker_utils.tags.models import CatalogPrefix
from request_tracker_utils.tags.names import ADOPT_TAGS

LONGEST_CATALOG = 255


def prefix_of(session: Session, catalog: str | None, default: str) -> str:
    """The prefix that an asset of the catalog gets; the default where the catalog has none of its own, or is not known."""
    if not catalog:
        return default
    return session.scalar(select(CatalogPrefix.prefix).where(CatalogPrefix.catalog == catalog)) or default


def of_catalogs(session: Session) -> list[CatalogPrefix]:
    """The catalogs with a prefix of their own, by name."""
    return list(session.scalars(select(CatalogPrefix).order_by(CatalogPrefix.catalog)))


def add(session: Session, prefix: str, *, actor: Actor, now: datetime) -> None:
    """Makes a sequence, which gives tags as soon as the names that the directory holds are adopted. Raises Invalid, PrefixTaken."""
    if not PREFIX_FORM.fullmatch(prefix):
        raise Invalid(
            "A prefix has 1 to 16 letters, digits, dots, dashes or underscores, and ends with no digit, such as LAB-.", field="prefix"
        )
    sequence.hold_all(session)  # of two who make the like at once the second waits here, and then sees the first's
    twin = next((known for known in sequence.prefixes(session) if known.lower() == prefix.lower()), None)
    if twin is not None:
        raise PrefixTaken(f"There is the prefix {twin} already. Two that differ in capitals alone would be mixed up.", field="prefix")
    sequence.ensure(session, prefix, now=now)
    after_commit(session, ADOPT_TAGS)
    trail.write(session, prefix, None, None, action="prefix", actor=actor, now=now)


def map_catalog(session: Session, catalog: str, prefix: str, *, actor: Actor, now: datetime) -> None:
    """New assets of the catalog get tags of the prefix from now on; those that have a tag keep it. Raises PrefixNotFound."""
    if prefix not in sequence.prefixes(session):
        raise PrefixNotFound(f"There is no prefix {prefix[:16]}. Make it first.", field="prefix")
    values = {"prefix": prefix, "changed_by": actor.name, "changed_at": now}
    insert = upsert_into(session)(CatalogPrefix).values(catalog=catalog, **values)
    session.execute(insert.on_conflict_do_update(index_elements=["catalog"], set_=values))
    trail.write(session, prefix, None, None, action="catalog", actor=actor, now=now, reason=f"for new assets of {catalog}")


def unmap_catalog(session: Session, catalog: str, *, actor: Actor, now: datetime) -> bool:
    """New assets of the catalog get PREFIX's tags again. Says whether the catalog had a prefix of its own."""
    prefix = session.scalar(delete(CatalogPrefix).where(CatalogPrefix.catalog == catalog).returning(CatalogPrefix.prefix))
    if prefix is not None:
        trail.write(session, prefix, None, None, action="catalog", actor=actor, now=now, reason=f"no longer for new assets of {catalog}")
    return prefix is not None
