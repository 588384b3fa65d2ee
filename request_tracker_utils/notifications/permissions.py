"""Permissions of notifications, as `scope:resource:action`, and the roles that have them."""

from enum import StrEnum


class NotificationPermission(StrEnum):
    OWN = "notifications:own:manage"
    """View messages to oneself, and choose how to receive them."""
    READ = "notifications:message:read"
    """View the messages to everybody."""
    SEND = "notifications:message:send"
    """Send messages again, send test messages, and remove addresses from the suppressed ones."""
    CONTACT = "notifications:contact:manage"
    """Receive text messages and chat messages oneself. Students do not: no phone numbers of children are collected."""


_OWN = frozenset({NotificationPermission.OWN})
_WITH_CONTACT = _OWN | {NotificationPermission.CONTACT}
GRANTS = {
    "admin": frozenset(NotificationPermission),
    **dict.fromkeys(("staff", "teacher", "user"), _WITH_CONTACT),
    "student": _OWN,
}
