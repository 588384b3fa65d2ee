"""How many tags the webhook assigns in a minute."""

from datetime import datetime, timedelta

from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.tags import service, webhook
from tests.services.asset_stores import FailingAssetStore
from tests.services.tables import check_all
from tests.unit.tags.conftest import ADA, NOW

SECOND = timedelta(seconds=1)


def call(asset_id: int, at: datetime, name: str | None = None) -> None:
    service.on_asset_created(transaction, asset_id=asset_id, asset_name=name, prefix="W12-", now=at)


def busiest(limit: int, *, since: datetime = NOW - SECOND) -> datetime | None:
    with reading() as session:
        return webhook.busiest_moment(session, limit=limit, since=since)


def test_the_last_minute_with_too_many_tags_is_found(asset_store: FailingAssetStore) -> None:
    for number in range(10):
        call(100 + number, NOW + number * SECOND)
    for number in range(4):
        call(200 + number, NOW + timedelta(minutes=10, seconds=20 * number))

    def check(limit: int, since: timedelta, at: timedelta | None) -> None:
        assert busiest(limit, since=NOW + since) == (None if at is None else NOW + at)

    last, early = timedelta(minutes=11), timedelta(seconds=9)
    check_all(
        [
            (3, timedelta(0) - SECOND, last),
            (4, timedelta(0) - SECOND, early),
            (9, timedelta(0) - SECOND, early),
            (10, timedelta(0) - SECOND, None),
            (9, timedelta(minutes=5), None),
            (3, timedelta(minutes=5), last),
        ],
        check,
    )
    with reading() as session:
        assert webhook.count_assigned(session, since=NOW + timedelta(minutes=5)) == 4


def test_only_tags_that_calls_use_up_are_counted(asset_store: FailingAssetStore) -> None:
    """Not repeated calls, what people assign, or assets that this program creates with a reserved tag."""
    for _ in range(5):
        call(1, NOW)
        service.on_asset_created(transaction, asset_id=50, asset_name=None, prefix="W12-", now=NOW, actor=ADA)
    for asset_id in range(300, 310):
        with transaction() as session:
            reserved = service.reserve(session, "W12-", actor=ADA, now=NOW)
        call(asset_id, NOW, reserved.tag)
    assert (busiest(1), busiest(0)) == (None, NOW)
    call(2, NOW, "W12-0900")  # a name that nobody has reserved
    assert busiest(1) == NOW
