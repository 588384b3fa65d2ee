"""Removes the CRM's answers to workdays that it accepted long ago. Workdays themselves are never removed."""

from datetime import datetime, timedelta

from sqlalchemy import select, update

from request_tracker_utils.core.db import Reading, Transaction, affected
from request_tracker_utils.workdays.models import Workday

ANSWERS = timedelta(days=90)
"""How long answers are stored after the workday was accepted."""
CHUNK = 1_000


def remove_old_answers(transaction: Transaction, reading: Reading, now: datetime) -> int:
    """A chunk at a time, so that nothing waits for it. What is not synced keeps everything. Returns how many were removed."""
    removed, last_id = 0, 0
    old = (Workday.synced_to_crm, Workday.crm_answer.is_not(None), Workday.crm_problem.is_(None), Workday.synced_at < now - ANSWERS)
    while True:
        with reading() as session:
            ids = list(session.scalars(select(Workday.id).where(*old, Workday.id > last_id).order_by(Workday.id).limit(CHUNK)))
        if not ids:
            return removed
        with transaction(durable=False) as session:  # the next run removes them again
            removed += affected(session.execute(update(Workday).where(*old, Workday.id.in_(ids)).values(crm_answer=None)))
        last_id = ids[-1]
