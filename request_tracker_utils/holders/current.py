"""The reconciliation of holders, with this app's settings and asset store."""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.current import asset_store, asset_store_name
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.translation import gettext_noop
from request_tracker_utils.holders.comparison import DISCREPANCIES
from request_tracker_utils.holders.options import KINDS, RESTRICTED, Resolution
from request_tracker_utils.holders.permissions import HolderPermission
from request_tracker_utils.holders.resolution import HolderReconciler
from request_tracker_utils.reconciliation.reconciler import Reconciliation
from request_tracker_utils.students.models import HOLDER_SYNC, REPAIR_TICKETS
from request_tracker_utils.students.permissions import StudentPermission
from request_tracker_utils.web.registry import settings

FAILING_SHOWN = 50


def _updates(session: Session) -> Mapping[str, object]:
    """Pending and failing updates of the asset store."""
    return {
        "sync": HOLDER_SYNC.counts(session),
        "tickets": REPAIR_TICKETS.counts(session),
        "failing_devices": HOLDER_SYNC.failing(session, limit=FAILING_SHOWN),
        "failing_tickets": REPAIR_TICKETS.failing(session, limit=FAILING_SHOWN),
    }


RECONCILIATION = Reconciliation(
    name="holder_differences",
    address="/students/differences",
    template="holders/differences.html",
    title=gettext_noop("Device holders"),
    comparison_task="compare-holders",
    comparison_title=gettext_noop("Compare device holders with %(source)s"),
    job_description=gettext_noop("Compare device holders with the holders of their assets, unless that was done recently"),
    resolution_task="settle-holder-differences",
    kinds=KINDS,
    resolutions=Resolution,
    discrepancies=DISCREPANCIES,
    reconciler=lambda: HolderReconciler(transaction, asset_store(), asset_store_name(), settings().rt_student_user, utc_now),
    source=asset_store_name,
    read=HolderPermission.COMPARE,
    personal_data="differences of device holders",
    resolve=StudentPermission.ASSIGN,
    restricted=RESTRICTED,
    context=_updates,
)
