"""Creations with an unknown outcome, for the status page and Prometheus."""

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from request_tracker_utils.assets.models import Creation, CreationState
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.web.feature import SectionContent, StatusSection

IS_UNKNOWN = Creation.state == CreationState.UNKNOWN
SHOWN = 5
STUCK_AFTER = timedelta(minutes=30)
"""By then the outcome of every creation is known, unless the asset store does not answer."""


def content() -> SectionContent:
    """Creations with an unknown outcome, oldest first."""
    with reading() as session:
        unknown = session.scalars(select(Creation).where(IS_UNKNOWN).order_by(Creation.id).limit(SHOWN)).all()
        count = _count(session)
    stuck = unknown and utc_now() - unknown[0].created_at > STUCK_AFTER
    problems = (
        [_("The outcome of a creation has been unknown for more than 30 minutes. Check the connection to Request Tracker.")]
        if stuck
        else []
    )
    return SectionContent({"unknown": unknown, "count": count}, problems)


def gauges() -> dict[str, tuple[str, float]]:
    with reading() as session:
        return {"rtutils_asset_creations_unknown": ("Creations with an unknown outcome.", _count(session))}


def _count(session: Session) -> int:
    return session.execute(select(func.count()).select_from(Creation).where(IS_UNKNOWN)).scalar_one()


sections = [StatusSection("Creations", "assets/status.html", content, order=60)]
