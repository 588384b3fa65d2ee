"""A run that sends workdays to the CRM: claims batches, sends them in parallel without a transaction, and records results in groups."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import structlog

from request_tracker_utils.core.db import Transaction
from request_tracker_utils.core.errors import Conflict
from request_tracker_utils.core.outbox import Claim, InContext
from request_tracker_utils.core.settings import Settings
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.workdays.content import LEASE
from request_tracker_utils.workdays.crm import outbox
from request_tracker_utils.workdays.crm.client import CrmClient, Sent
from request_tracker_utils.workdays.crm.outbox import Selection
from request_tracker_utils.workdays.crm.payload import CrmRecord
from request_tracker_utils.workdays.crm.responses import CrmError
from request_tracker_utils.workdays.crm.sending import PAUSES, Sending, Work
from request_tracker_utils.workdays.models import Workday

log = structlog.get_logger(__name__)

MARGIN = 60.0
"""Seconds of a lease for recording results."""
MOST_ERRORS = 1_000
"""Errors that are listed of one run. All are counted."""


class NoCrm(Conflict):
    """No CRM is configured. Set CRM_API_URL and CRM_API_TOKEN."""

    code = "no_crm"


@dataclass(frozen=True)
class SyncError:
    user_id: str
    date: date
    error: str


@dataclass
class SyncResult:
    """What was sent in a run. Workdays that were not tried do not count."""

    total: int = 0
    successful: int = 0
    failed: int = 0
    errors: list[SyncError] = field(default_factory=list)
    stopped: CrmError | None = None
    """Why the run has ended before all were tried."""


@dataclass(frozen=True)
class _Item:
    claim: Claim[Workday]
    record: CrmRecord


@dataclass(frozen=True)
class CrmSync:
    """`in_context` wraps what runs in another thread; `stopping` says whether this process is shutting down. `seconds` is how long the run
    may take; what is left then is due again."""

    client: CrmClient
    transaction: Transaction
    clock: Callable[[], datetime]
    batch: int
    attempts: int
    in_context: InContext = lambda call: call
    stopping: Callable[[], bool] = lambda: False
    pauses: Sequence[float] = PAUSES
    seconds: float | None = None

    @classmethod
    def of(cls, settings: Settings, transaction: Transaction, clock: Callable[[], datetime], **options: object) -> "CrmSync":
        """With these settings. Raises NoCrm."""
        client = CrmClient.of(settings)
        if client is None:
            raise NoCrm(_("No CRM is configured. Set CRM_API_URL and CRM_API_TOKEN."))
        how = {"batch": settings.crm_sync_batch_size, "attempts": settings.crm_max_retries, **options}
        return cls(client, transaction, clock, **how)  # type: ignore[arg-type]

    def run(
        self, selection: Selection | None = None, *, limit: int | None = None, progress: Callable[[int], None] = lambda _count: None
    ) -> SyncResult:
        """Sends what is selected, at most `limit`. `progress` is called with the number of workdays that have ended since the last call."""
        chosen, result = selection or Selection(), SyncResult()
        left, ends_at = limit, None if self.seconds is None else time.monotonic() + self.seconds
        if chosen.again or chosen.failed_only:
            with self.transaction() as session:
                outbox.make_due(session, chosen, limit=limit, now=self.clock())

        def claim() -> list[Work[_Item]]:
            nonlocal left
            size = self.batch if left is None else min(self.batch, left)
            if size <= 0:
                return []
            begins_before = time.monotonic() + LEASE.total_seconds() - self.client.seconds - MARGIN
            with self.transaction() as session:
                claimed = outbox.claim(session, chosen, limit=size, now=self.clock())
            left = None if left is None else left - len(claimed)
            return [Work(_Item(*each), begins_before) for each in claimed]

        def record(ended: Sequence[Work[_Item]]) -> None:
            with self.transaction() as session:
                now = self.clock()
                for work in sorted(ended, key=lambda each: each.item.record.workday_id):
                    outbox.end(session, work.item.claim, work.last, stopped=sending.stopped, now=now)
            for work in ended:
                if work.last is not None:
                    _count(result, work.item.record, work.last)
            progress(len(ended))

        sending = Sending[_Item](
            lambda item: self.client.send(item.record),
            attempts=self.attempts,
            in_context=self.in_context,
            stopping=lambda: self.stopping() or (ends_at is not None and time.monotonic() >= ends_at),
            pauses=self.pauses,
        )
        sending.run(claim, record)
        result.stopped = sending.stopped
        if result.total or result.stopped:
            log.info("workdays sent", total=result.total, failed=result.failed, stopped=result.stopped and result.stopped.code)
        return result


def _count(result: SyncResult, record: CrmRecord, sent: Sent) -> None:
    result.total += 1
    if sent.error is None:
        result.successful += 1
        return
    result.failed += 1
    if len(result.errors) < MOST_ERRORS:
        said = f" {sent.answer}" if sent.answer else ""
        result.errors.append(SyncError(record.user_id, record.date, sent.error.message + said))
