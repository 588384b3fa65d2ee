"""Today, the inventory, and what resolving a scanned code needs from this app, for entry points."""

from datetime import date

from request_tracker_utils.asset_store.brief_lookup import BriefLookup
from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading
from request_tracker_utils.labels.current import tag_lookup
from request_tracker_utils.labels.scanning import asset_id_from_url
from request_tracker_utils.students.inventory import Inventory
from request_tracker_utils.students.scan_codes import ScanContext
from request_tracker_utils.web.registry import registry, settings


def inventory() -> Inventory:
    return Inventory(reading, registry().get(BriefLookup), tag_lookup(), settings().device_catalogs, utc_now)


def scan_context() -> ScanContext:
    """Looks up assets only for codes that are URLs, or unknown here; most are not."""
    return ScanContext(
        prefix=settings().prefix,
        asset_at=lambda url: asset_id_from_url(asset_store(), url, settings().public_address()),
        tags_of=lambda asset_ids: tag_lookup().tags_by_asset(asset_ids),
        inventory=inventory(),
    )


def today() -> date:
    """In the time zone of this installation."""
    return utc_now().astimezone(settings().zone).date()
