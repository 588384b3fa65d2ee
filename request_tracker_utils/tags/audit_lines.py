"""Rows of the audit trail as lines of a file."""

from zoneinfo import ZoneInfo

from request_tracker_utils.tags.models import TagEvent

HEAD = ("when", "who", "action", "tag", "asset", "old name", "new name", "why")


def cells(event: TagEvent, zone: ZoneInfo) -> list[object]:
    """What stands under HEAD."""
    at = event.at.astimezone(zone).isoformat(timespec="seconds")
    return [at, event.actor, event.action, event.tag, event.asset_id, event.old_name, event.new_name, event.reason]
