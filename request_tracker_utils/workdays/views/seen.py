"""What a form says that its reader has seen of a workday, and times as people enter them in forms."""

from collections.abc import Mapping
from datetime import datetime, time

from request_tracker_utils.core.db import LARGEST_ID
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.workdays.review_errors import InvalidCorrection, WorkdayChanged
from request_tracker_utils.workdays.reviews import Seen


def sent_seen(form: Mapping[str, str]) -> Seen:
    """Raises WorkdayChanged for a form that no page contains."""
    try:
        first_at, last_at = (_instant(form.get(name, "")) for name in ("first_at", "last_at"))
        decision = form.get("decision_id", "")
        decision_id = int(decision) if decision.isascii() and decision.isdigit() and len(decision) <= len(str(LARGEST_ID)) else None
    except ValueError:
        raise WorkdayChanged(_("This workday has changed since you have seen it. Look at it again.")) from None
    return Seen(first_at, last_at, decision_id)


def sent_time(form: Mapping[str, str], field: str) -> time | None:
    """None if the field is empty. Raises InvalidCorrection."""
    text = form.get(field, "").strip()
    if not text:
        return None
    try:
        found = datetime.strptime(text[:5], "%H:%M").time()  # noqa: DTZ007 — a time of day, by the clocks of the place
    except ValueError:
        raise InvalidCorrection(_("Enter a time such as 08:00."), field=field) from None
    return found


def _instant(text: str) -> datetime | None:
    """Raises ValueError."""
    found = datetime.fromisoformat(text) if text else None
    if found is not None and found.tzinfo is None:
        raise ValueError(text)
    return found
