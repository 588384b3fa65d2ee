"""A client of Request Tracker's REST 2.0 API that verifies every answer."""

from request_tracker_utils.integrations.rt.asset_searches import RtAssetPage
from request_tracker_utils.integrations.rt.client import RtClient
from request_tracker_utils.integrations.rt.errors import (
    RtConflict,
    RtError,
    RtInvalid,
    RtNotFound,
    RtRefused,
    RtSearchFailed,
    RtUnreachable,
)
from request_tracker_utils.integrations.rt.queries import quoted
from request_tracker_utils.integrations.rt.records import RtAsset, RtTicket, RtUser
from request_tracker_utils.integrations.rt.session import OnRequest

__all__ = [
    "OnRequest",
    "RtAsset",
    "RtAssetPage",
    "RtClient",
    "RtConflict",
    "RtError",
    "RtInvalid",
    "RtNotFound",
    "RtRefused",
    "RtSearchFailed",
    "RtTicket",
    "RtUnreachable",
    "RtUser",
    "quoted",
]
