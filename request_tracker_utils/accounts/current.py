"""Looks up users in this installation's Request Tracker."""

from request_tracker_utils.accounts.rt_tokens import RtIdentity, RtTokens
from request_tracker_utils.core.errors import Conflict
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.web.registry import registry


def rt_user_named(name_or_number: str) -> RtIdentity:
    """The Request Tracker user with this name or number. Raises NotFound, Unavailable; Conflict if Request Tracker is not configured."""
    tokens = registry().find(RtTokens)
    if tokens is None:
        raise Conflict(_("Request Tracker is not configured: RT_URL is not set."), field="rt_user")
    return tokens.users.named(name_or_number)
