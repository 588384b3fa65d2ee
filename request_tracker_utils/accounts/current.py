"""Request Tracker's users, as this installation finds them, for entry points."""

from request_tracker_utils.accounts.rt_callers import RtCallers, RtIdentity
from request_tracker_utils.core.errors import Conflict
from request_tracker_utils.web.registry import registry


def rt_user_named(name_or_number: str) -> RtIdentity:
    """Whom Request Tracker has under this name or number. Raises NotFound, Unavailable, and Conflict where there is none."""
    callers = registry().find(RtCallers)
    if callers is None:
        raise Conflict("There is no Request Tracker here: RT_URL is not set.", field="rt_user")
    return callers.users.named(name_or_number)
