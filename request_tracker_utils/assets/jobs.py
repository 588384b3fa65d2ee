"""Scheduled work on creations."""

from datetime import timedelta

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.assets import claims, intakes, recovery
from request_tracker_utils.assets.names import RECOVER_CREATIONS
from request_tracker_utils.core.actor import of_job
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.jobs import Job


def recover_creations() -> int:
    return recovery.settle_due(transaction, reading, asset_store(), actor=of_job(RECOVER_CREATIONS), clock=utc_now)


def put_away_creations() -> int:
    with transaction() as session:
        return claims.put_away(session, now=utc_now())


def put_away_intakes() -> int:
    with transaction() as session:
        return intakes.put_away(session, now=utc_now())


jobs = [
    Job(RECOVER_CREATIONS, "Find out what became of creations that were not answered", timedelta(seconds=30), recover_creations),
    Job("put-away-creations", "Delete the record of creations that ended long ago", timedelta(days=1), put_away_creations),
    Job("put-away-intakes", "Delete lists of assets that came in long ago", timedelta(days=1), put_away_intakes),
]
