"""The JSON route that polls all terminals."""

from flask_openapi3 import APIBlueprint, Tag

from request_tracker_utils.attendance import current
from request_tracker_utils.attendance.permissions import AttendancePermission
from request_tracker_utils.attendance.schemas.rounds import RoundOut
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.body import Answer

WITHIN = 60.0
"""Seconds until the answer."""

api = APIBlueprint("rounds_api", __name__, abp_tags=[Tag(name="terminals", description="Terminals for time and attendance.")])


@api.post("/api/devices/poll_all/", responses={200: RoundOut})
@require(AttendancePermission.POLL)
def poll_all() -> Answer:
    """Poll all enabled terminals now. The answer comes after a minute at most; polls that take longer go on."""
    return RoundOut.of(current.poll_all(started_by=current_actor().name, within=WITHIN))
