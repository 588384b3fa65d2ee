"""What the status page and Prometheus are told of creations."""

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from request_tracker_utils.assets.models import Creation, CreationState
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading
from request_tracker_utils.web.feature import SectionContent, StatusSection

IS_UNKNOWN = Creation.state == CreationState.UNKNOWN
SHOWN = 5
LONG = timedelta(minutes=30)
"""By then every creation has been found out about, where the directory answers."""


def content() -> SectionContent:
    """Creations whose outcome is being found out, the oldest first."""
    with reading() as session:
        unknown = session.scalars(select(Creation).where(IS_UNKNOWN).order_by(Creation.id).limit(SHOWN)).all()
        count = _count(session)
    stuck = unknown and utc_now() - unknown[0].created_at > LONG
    problems = ["For long nobody could find out what became of an asset: Request Tracker must be reachable for that."] if stuck else []
    return SectionContent({"unknown": unknown, "count": count}, problems)


def gauges() -> dict[str, tuple[str, float]]:
    with reading() as session:
        return {"rtutils_asset_creations_unknown": ("Creations whose outcome is being found out.", _count(session))}


def _count(session: Session) -> int:
    return session.execute(select(func.count()).select_from(Creation).where(IS_UNKNOWN)).scalar_one()


sections = [StatusSection("Creating assets", "assets/status.html", content, order=60)]
