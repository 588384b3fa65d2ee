"""What the CRM gets of a workday."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any


@dataclass(frozen=True)
class CrmRecord:
    """A workday as it is sent."""

    workday_id: int
    key: str
    """By which the CRM recognizes a repetition. It follows from the content and the revision, see `content.py`."""
    user_id: str
    date: date
    """Where the terminal is."""
    clock_in: datetime | None
    clock_out: datetime | None
    """Both are empty if the day has lost its punches after the CRM had it."""
    is_outlier: bool
    outlier_reason: str
    """English. Empty if the day is not an outlier."""
    device_name: str
    device_ip: str | None
    """Empty for a terminal that pushes its records."""

    def body(self) -> dict[str, Any]:
        """The JSON that the CRM expects."""
        return {
            "user_id": self.user_id,
            "date": self.date.isoformat(),
            "clock_in": self.clock_in and in_utc(self.clock_in),
            "clock_out": self.clock_out and in_utc(self.clock_out),
            "is_outlier": self.is_outlier,
            "outlier_reason": self.outlier_reason,
            "device_name": self.device_name,
            "device_ip": self.device_ip,
        }


def in_utc(at: datetime) -> str:
    """ISO 8601 with `Z`, to the second: terminals record no fractions."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
