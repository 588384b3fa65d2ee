"""What the CRM gets of a workday, and the key by which it recognizes a repetition."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any


@dataclass(frozen=True)
class CrmRecord:
    """A workday as it is sent."""

    workday_id: int
    key: str
    """See `idempotency_key`."""
    user_id: str
    date: date
    """Where the terminal is."""
    clock_in: datetime
    clock_out: datetime | None
    """Empty if the person punched once."""
    is_outlier: bool
    outlier_reason: str
    """English. Empty if it is no outlier."""
    device_name: str
    device_ip: str | None
    """Empty for a terminal that pushes its records."""

    def body(self) -> dict[str, Any]:
        """The JSON that the CRM expects."""
        return {
            "user_id": self.user_id,
            "date": self.date.isoformat(),
            "clock_in": in_utc(self.clock_in),
            "clock_out": self.clock_out and in_utc(self.clock_out),
            "is_outlier": self.is_outlier,
            "outlier_reason": self.outlier_reason,
            "device_name": self.device_name,
            "device_ip": self.device_ip,
        }


def in_utc(at: datetime) -> str:
    """ISO 8601 with `Z`, to the second: terminals record no fractions."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def idempotency_key(
    *,
    terminal_id: int,
    user_id: str,
    date: date,
    revision: int,
    clock_in: datetime,
    clock_out: datetime | None,
    is_outlier: bool,
    outlier_reason: str,
) -> str:
    """The same for the same content of a workday. The names and addresses of terminals do not count: a renamed one resends nothing.

    The revision counts. If a day changes and then changes back, its first content would otherwise have its first key, which the CRM has
    seen: it would confirm the request and keep the content of the second one.
    """
    times = [in_utc(clock_in), clock_out and in_utc(clock_out)]
    content = [terminal_id, user_id, date.isoformat(), revision, *times, is_outlier, outlier_reason]
    return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()
