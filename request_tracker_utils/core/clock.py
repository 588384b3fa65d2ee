"""The current time, always with a time zone."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    return datetime.now(UTC)
