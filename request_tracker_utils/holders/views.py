"""The page of holder differences, with the updates that could not be sent."""

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.translation import ngettext
from request_tracker_utils.holders.current import RECONCILIATION
from request_tracker_utils.reconciliation.views import pages as reconciliation_pages
from request_tracker_utils.students.models import HOLDER_SYNC, REPAIR_TICKETS
from request_tracker_utils.students.permissions import StudentPermission
from request_tracker_utils.web.auth import require

pages = reconciliation_pages(RECONCILIATION)


@pages.post("/retry")
@require(StudentPermission.ASSIGN)
def retry() -> ResponseReturnValue:
    """Retries all failed updates."""
    with transaction() as session:
        count = HOLDER_SYNC.retry(session, now=utc_now()) + REPAIR_TICKETS.retry(session, now=utc_now())
    message = ngettext(
        "%(num)s update is being retried. Reload this page in a moment.",
        "%(num)s updates are being retried. Reload this page in a moment.",
        count,
    )
    flash(message, "info")
    return redirect(url_for(".overview"), 303)
