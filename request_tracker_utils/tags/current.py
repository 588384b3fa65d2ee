"""The reconciliation of tags, with this app's settings and asset store."""

from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.current import asset_store, asset_store_name
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.translation import gettext as _, gettext_noop
from request_tracker_utils.reconciliation.reconciler import Reconciliation
from request_tracker_utils.tags.comparison import DISCREPANCIES, adopted_prefixes
from request_tracker_utils.tags.errors import SequenceNotReady
from request_tracker_utils.tags.options import KINDS, Resolution
from request_tracker_utils.tags.permissions import TagPermission
from request_tracker_utils.tags.resolution import TagReconciler


def _check_ready(session: Session) -> None:
    if not adopted_prefixes(session):
        raise SequenceNotReady(_("Nothing can be compared until the existing asset names have been read. Try again soon."))


RECONCILIATION = Reconciliation(
    name="tag_differences",
    address="/admin/asset-tags/differences",
    template="tags/differences.html",
    title=gettext_noop("Asset tags"),
    comparison_task="compare-tags",
    comparison_title=gettext_noop("Compare asset tags with %(source)s"),
    job_description=gettext_noop("Compare asset tags with asset names, unless that was done recently"),
    resolution_task="settle-tag-differences",
    kinds=KINDS,
    resolutions=Resolution,
    discrepancies=DISCREPANCIES,
    reconciler=lambda: TagReconciler(transaction, asset_store(), asset_store_name(), utc_now),
    source=asset_store_name,
    read=TagPermission.READ,
    resolve=TagPermission.ASSIGN,
    check_ready=_check_ready,
)
