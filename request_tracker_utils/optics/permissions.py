"""Permissions of optics requests, as `scope:resource:action`, and the roles that have them."""

from enum import StrEnum


class OpticsPermission(StrEnum):
    REQUEST = "optics:requests:request"
    """Request parts, and view one's own requests."""
    DECIDE = "optics:requests:decide"
    """View all requests, decide and archive them, and edit the list of parts."""


GRANTS = {
    "admin": frozenset(OpticsPermission),
    "staff": frozenset({OpticsPermission.REQUEST}),
    "teacher": frozenset({OpticsPermission.REQUEST}),
    "user": frozenset({OpticsPermission.REQUEST}),
}
