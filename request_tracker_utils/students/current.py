"""What resolving a scanned code needs from this app, for entry points."""

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.labels.current import tag_lookup
from request_tracker_utils.labels.scanning import asset_id_from_url
from request_tracker_utils.students.scan_codes import ScanContext
from request_tracker_utils.web.registry import settings


def scan_context() -> ScanContext:
    store, own_address = asset_store(), settings().public_address()
    return ScanContext(settings().prefix, lambda address: asset_id_from_url(store, address, own_address), tag_lookup().tags_by_asset)
