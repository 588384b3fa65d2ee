"""What this installation knows that scans are read with, for entry points."""

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.labels.current import tag_lookup
from request_tracker_utils.labels.scanning import asset_id_from_url
from request_tracker_utils.students.scan_codes import Known
from request_tracker_utils.web.registry import settings


def known() -> Known:
    """What this installation knows of addresses and tags."""
    held, own = asset_store(), settings().public_address()
    return Known(settings().prefix, lambda address: asset_id_from_url(held, address, own), tag_lookup().tags_by_asset)
