"""Scheduled work on creations and imports."""

from datetime import timedelta

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.assets import claims, imports, recovery
from request_tracker_utils.assets.names import DELETE_OLD_CREATIONS, DELETE_OLD_IMPORTS, RECOVER_CREATIONS
from request_tracker_utils.core.actor import of_job
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.jobs import Job


def recover_creations() -> int:
    return recovery.recover_due(transaction, reading, asset_store(), actor=of_job(RECOVER_CREATIONS), clock=utc_now)


def delete_old_creations() -> int:
    with transaction() as session:
        return claims.delete_old(session, now=utc_now())


def delete_old_imports() -> int:
    with transaction() as session:
        return imports.delete_old(session, now=utc_now())


jobs = [
    Job(RECOVER_CREATIONS, "Check whether assets exist that Request Tracker did not confirm", timedelta(seconds=30), recover_creations),
    Job(DELETE_OLD_CREATIONS, "Delete records of completed creations after 90 days", timedelta(days=1), delete_old_creations),
    Job(DELETE_OLD_IMPORTS, "Delete imports of assets after 90 days", timedelta(days=1), delete_old_imports),
]
