"""A client of Request Tracker's REST 2.0 that believes no answer it has not checked."""

from request_tracker_utils.integrations.rt.assetsql import quoted
from request_tracker_utils.integrations.rt.client import RtClient
from request_tracker_utils.integrations.rt.errors import RtConflict, RtError, RtInvalid, RtNotFound, RtRefused, RtUnreachable
from request_tracker_utils.integrations.rt.rows import RtAsset, RtAssetPage, RtUser
from request_tracker_utils.integrations.rt.transport import OnRequest

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
    "RtUnreachable",
    "RtUser",
    "quoted",
]
