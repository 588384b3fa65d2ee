"""Creating one asset: each serial number once, each tag once, even if a step fails."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event

import pytest
from flask import Flask
from sqlalchemy import update

from request_tracker_utils.asset_store.service import (
    AssetStoreBroken,
    AssetStoreBusy,
    AssetStoreInvalid,
    AssetStoreRefused,
    NewAsset,
    SerialTaken,
)
from request_tracker_utils.assets import service
from request_tracker_utils.assets.errors import CreationUnknown, SerialInFlight
from request_tracker_utils.assets.service import CreatedAsset
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.tags import service as tags
from request_tracker_utils.tags.errors import SequenceNotReady
from request_tracker_utils.tags.models import TagSequence
from tests.services.asset_stores import silence
from tests.services.creations import ADA, laptop
from tests.services.loose_asset_store import Do
from tests.services.tables import check_all
from tests.unit.assets.installation import Installation, holder_of, inconsistencies, next_tag, states

REFUSALS = [AssetStoreRefused("No."), AssetStoreBusy("Later."), AssetStoreInvalid("It does not fit.")]
FAILURES = [silence(), AssetStoreBroken("An internal error.")]
"""After these the asset may exist."""


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "RIVAL_TIMEOUT", 0.3)
    monkeypatch.setattr(service, "POLL_INTERVAL", 0.01)


@pytest.fixture
def paused(inside: Flask, installation: Installation) -> Iterator[Callable[[str], "Paused"]]:
    """Creates an asset in another thread, up to the request to the asset store."""
    with ThreadPoolExecutor(1) as pool:
        started: list[Paused] = []

        def start(serial: str) -> Paused:
            started.append(Paused(inside, installation, pool, serial))
            return started[-1]

        yield start
        for each in started:
            each.resume.set()


class Paused:
    def __init__(self, app: Flask, installation: Installation, pool: ThreadPoolExecutor, serial: str) -> None:
        self.resume, reached = Event(), Event()

        def slow(_new: NewAsset, do: Do) -> int:
            installation.asset_store.on_create = lambda _new, do: do()
            reached.set()
            assert self.resume.wait(20)
            return do()

        def create() -> CreatedAsset:
            with app.app_context():
                return installation.creator.create(laptop(serial))

        installation.asset_store.on_create = slow
        self.ended = pool.submit(create)
        assert reached.wait(20)


def after(error: BaseException) -> Callable[[NewAsset, Do], int]:
    """The asset store creates the asset, and raises this."""

    def create(_new: NewAsset, do: Do) -> int:
        do()
        raise error

    return create


def instead(error: BaseException) -> Callable[[NewAsset, Do], int]:
    def create(_new: NewAsset, _do: Do) -> int:
        raise error

    return create


def close_sequence() -> None:
    with transaction() as session:
        session.execute(update(TagSequence).values(adopted_at=None))


def test_an_asset_is_created_with_the_next_tag_in_two_requests(installation: Installation) -> None:
    created = installation.creator.create(laptop("aBc-1"))
    assert created == CreatedAsset(1, "W12-0001", "aBc-1"), "the serial number is spelled as it was sent"
    assert installation.asset_store.calls == ["find_by_serials_or_names", "create"]
    assert holder_of(created.tag) == ("assigned", created.asset_id), "before the job confirms it"
    assert installation.creator.create(laptop("aBc-2")).tag == "W12-0002"
    assert (installation.asset_store.get(1).name, installation.asset_store.get(1).serial) == ("W12-0001", "aBc-1")
    installation.pass_hours()
    assert inconsistencies(installation.asset_store) == []


def test_an_existing_serial_number_is_refused_in_any_case_without_using_a_tag(installation: Installation) -> None:
    existing = installation.asset_store.add("by hand", serial="Taken-1")

    def check(serial: str) -> None:
        with pytest.raises(SerialTaken) as error:
            installation.creator.create(laptop(serial))
        assert (error.value.fields["asset_id"], error.value.message) == (
            existing,
            f"Serial number {serial} already exists (Asset #{existing})",
        )

    check_all(["TAKEN-1", "taken-1", "Taken-1"], check)
    assert (next_tag(), states("TAKEN-1")) == ("W12-0001", ["failed"] * 3)


class TestConcurrentCreationsOfOneSerialNumber:
    def test_create_it_once_and_the_others_get_its_asset(
        self, inside: Flask, installation: Installation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(service, "RIVAL_TIMEOUT", 20.0)

        def slowly(_new: NewAsset, do: Do) -> int:
            time.sleep(0.1)
            return do()

        installation.asset_store.on_create = slowly

        def create(spelt: str) -> CreatedAsset | AppError:
            with inside.app_context():
                try:
                    return installation.creator.create(laptop(spelt))
                except SerialTaken as error:
                    return error

        with ThreadPoolExecutor(8) as pool:
            outcomes = list(pool.map(create, ["same-1", "SAME-1", "Same-1", "sAmE-1"] * 2))
        (made,) = [each for each in outcomes if isinstance(each, CreatedAsset)]
        assert [each.fields["asset_id"] for each in outcomes if isinstance(each, SerialTaken)] == [made.asset_id] * 7
        assert (len(installation.asset_store.assets), next_tag()) == (1, "W12-0002")

    def test_make_the_second_wait_for_the_first(
        self, installation: Installation, paused: Callable[[str], Paused], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(service, "RIVAL_TIMEOUT", 20.0)
        first = paused("S-1")
        monkeypatch.setattr(service.time, "sleep", lambda _seconds: first.resume.set() or first.ended.result(20))
        with pytest.raises(SerialTaken) as raised:
            installation.creator.create(laptop("s-1"))
        assert raised.value.fields["asset_id"] == first.ended.result().asset_id

    def test_make_the_second_retry_later_if_the_first_takes_too_long(
        self, installation: Installation, paused: Callable[[str], Paused]
    ) -> None:
        first = paused("S-1")
        began = time.monotonic()
        with pytest.raises(SerialInFlight) as raised:
            installation.creator.create(laptop("s-1"))
        assert 0.3 <= time.monotonic() - began < 3
        assert (raised.value.fields["retry"], "asset_id" in raised.value.fields) == (True, False)
        first.resume.set()
        first.ended.result()
        with pytest.raises(SerialTaken):
            installation.creator.create(laptop("s-1"))
        assert len(installation.asset_store.assets) == 1

    def test_let_the_second_create_it_if_the_first_was_refused(
        self, installation: Installation, paused: Callable[[str], Paused], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(service, "RIVAL_TIMEOUT", 20.0)
        first = paused("S-1")
        monkeypatch.setattr(installation.asset_store, "add", lambda *_args, **_fields: _raise(AssetStoreRefused("No.")))

        def while_waiting(_seconds: float) -> None:
            first.resume.set()
            with pytest.raises(AssetStoreRefused):
                first.ended.result(20)
            monkeypatch.undo()

        monkeypatch.setattr(service.time, "sleep", while_waiting)
        made = installation.creator.create(laptop("S-1"))
        assert (made.tag, states("S-1")) == ("W12-0001", ["failed", "created"])


def _raise(error: BaseException) -> int:
    raise error


def test_a_refusal_leaves_serial_number_and_tag_free(installation: Installation) -> None:
    def check(name: str, refusal: AppError) -> None:
        installation.asset_store.on_create = instead(refusal)
        with pytest.raises(type(refusal), match=refusal.message):
            installation.creator.create(laptop(name))
        assert (next_tag(), holder_of("W12-0001"), states(name)) == ("W12-0001", ("released", None), ["failed"])

    check_all([(type(refusal).__name__, refusal) for refusal in REFUSALS], check)
    installation.asset_store.on_create = lambda _new, do: do()
    assert installation.creator.create(laptop(type(REFUSALS[0]).__name__)).tag == "W12-0001"
    installation.pass_hours()
    assert inconsistencies(installation.asset_store) == []


def test_a_failed_search_sends_nothing_and_leaves_the_serial_number_free(installation: Installation) -> None:
    def check(name: str, error: AppError) -> None:
        installation.asset_store.on_search = lambda: _raise(error)  # type: ignore[assignment,return-value]
        with pytest.raises(type(error)):
            installation.creator.create(laptop(name))
        assert ("create" in installation.asset_store.calls, next_tag(), states(name)) == (False, "W12-0001", ["failed"])

    check_all([(type(error).__name__, error) for error in (*REFUSALS, *FAILURES)], check)
    installation.asset_store.on_search = lambda: None
    assert installation.creator.create(laptop("S-1")).tag == "W12-0001"


def test_a_sequence_that_is_not_ready_leaves_the_serial_number_free(installation: Installation) -> None:
    close_sequence()
    with pytest.raises(SequenceNotReady):
        installation.creator.create(laptop("S-1"))
    assert (states("S-1"), "create" in installation.asset_store.calls) == (["failed"], False)


class TestAnUnknownOutcome:
    """The asset store failed after or before it created the asset."""

    def test_after_the_creation_reserves_tag_and_serial_number_and_the_second_request_gets_the_asset(
        self, installation: Installation
    ) -> None:
        for number, error in enumerate(FAILURES, 1):
            tag, following = f"W12-{number:04d}", f"W12-{number + 1:04d}"
            installation.asset_store.on_create = after(error)
            with pytest.raises(CreationUnknown, match=f"{tag} and serial number S-{number} stay reserved") as raised:
                installation.creator.create(laptop(f"S-{number}"))
            assert (raised.value.fields["retry"], holder_of(tag)[0], next_tag()) == (True, "reserved", following)
            installation.asset_store.on_search = lambda error=error: _raise(error)  # type: ignore[misc]
            with pytest.raises(type(error)):
                installation.creator.create(laptop(f"S-{number}"))
            assert len(installation.asset_store.assets) == number, "no second asset while the search fails too"
            installation.asset_store.on_search = lambda: None
            with pytest.raises(SerialTaken) as taken:
                installation.creator.create(laptop(f"s-{number}"))
            assert (taken.value.fields["asset_id"], holder_of(tag)) == (number, ("assigned", number))

    def test_before_the_creation_makes_the_second_request_wait_until_it_is_known(self, installation: Installation) -> None:
        for error in FAILURES:
            installation.asset_store.on_create = instead(error)
            with pytest.raises(CreationUnknown, match="W12-0001 and serial number S-1 stay reserved"):
                installation.creator.create(laptop("S-1"))
            assert (holder_of("W12-0001")[0], next_tag()) == ("reserved", "W12-0002")
            installation.asset_store.on_create = lambda _new, do: do()
            for _ in range(5):
                installation.clock.forward(minutes=1)
                with pytest.raises(SerialInFlight) as raised:
                    installation.creator.create(laptop("s-1"))
                assert raised.value.fields["retry"] is True
            installation.pass_hours(1)
        assert installation.creator.create(laptop("S-1")).tag == "W12-0001"
        installation.pass_hours()
        assert inconsistencies(installation.asset_store) == []


class TestTheWebhook:
    """Request Tracker calls it before it answers the creation."""

    def test_with_the_name_binds_the_reserved_tag(self, installation: Installation) -> None:
        installation.asset_store.on_create = lambda new, do: report(installation, do(), new.name)
        assert installation.creator.create(laptop("S-1")).tag == "W12-0001"
        installation.pass_hours()
        assert (inconsistencies(installation.asset_store), next_tag()) == ([], "W12-0002")

    def test_with_the_id_only_wins_and_the_reserved_tag_is_released_later(self, installation: Installation) -> None:
        def create(_new: NewAsset, do: Do) -> int:
            asset_id = report(installation, do(), None)
            installation.asset_store.rename(asset_id, "W12-0002")  # the scrip sets the name from the answer
            return asset_id

        installation.asset_store.on_create = create
        made = installation.creator.create(laptop("S-1"))
        assert (made.tag, holder_of("W12-0002")) == ("W12-0002", ("assigned", made.asset_id))
        installation.pass_hours()
        assert (inconsistencies(installation.asset_store), next_tag()) == ([], "W12-0001")

    @pytest.mark.parametrize("name", ["W12-0001", None], ids=["with the name", "with the id only"])
    def test_of_a_creation_with_a_lost_answer_assigns_no_second_tag(self, installation: Installation, name: str | None) -> None:
        def create(_new: NewAsset, do: Do) -> int:
            report(installation, do(), name)
            raise silence()

        installation.asset_store.on_create = create
        with pytest.raises(CreationUnknown):
            installation.creator.create(laptop("S-1"))
        installation.pass_hours()
        assert (inconsistencies(installation.asset_store), states("S-1")) == ([], ["created"])


def report(installation: Installation, asset_id: int, name: str | None) -> int:
    tags.on_asset_created(transaction, asset_id=asset_id, asset_name=name, prefix="W12-", now=installation.clock(), actor=ADA)
    return asset_id


STEPS = {
    "before the search": lambda installation, _patch: setattr(installation.asset_store, "on_search", lambda: _raise(Killed())),
    "before the reservation": lambda _office, patch: patch.setattr(service.tags, "reserve", lambda *_args, **_kwargs: _raise(Killed())),
    "before the request": lambda installation, _patch: setattr(installation.asset_store, "on_create", instead(Killed())),
    "after the request": lambda installation, _patch: setattr(installation.asset_store, "on_create", after(Killed())),
    "before the asset is recorded": lambda _office, patch: patch.setattr(
        service.creations, "mark_created", lambda *_a, **_k: _raise(Killed())
    ),
}


@pytest.mark.parametrize("step", STEPS)
class TestAProcessThatIsKilled:
    def test_leaves_nothing_open_and_no_duplicates(self, installation: Installation, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
        self.kill(installation, monkeypatch, step)
        installation.pass_hours()
        assert inconsistencies(installation.asset_store) == []
        assert states("S-1") == (["created"] if installation.asset_store.assets else ["failed"])

    def test_lets_the_next_request_create_the_asset_or_get_it(
        self, installation: Installation, monkeypatch: pytest.MonkeyPatch, step: str
    ) -> None:
        self.kill(installation, monkeypatch, step)
        existing = [asset.id for asset in installation.asset_store.with_serial("S-1")]
        with suppress(SerialInFlight):
            installation.creator.create(laptop("S-1"))
        installation.pass_hours()
        if existing:
            with pytest.raises(SerialTaken) as raised:
                installation.creator.create(laptop("S-1"))
            assert raised.value.fields["asset_id"] == existing[0]
        elif not installation.asset_store.assets:
            installation.creator.create(laptop("S-1"))
        installation.pass_hours()
        assert (len(installation.asset_store.assets), next_tag(), inconsistencies(installation.asset_store)) == (1, "W12-0002", [])

    @staticmethod
    def kill(installation: Installation, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
        with monkeypatch.context() as patch:
            STEPS[step](installation, patch)
            with pytest.raises(Killed):
                installation.creator.create(laptop("S-1"))
        installation.asset_store.on_search, installation.asset_store.on_create = (lambda: None), (lambda _new, do: do())


class TestACreationThatReturnsLate:
    def test_gets_the_next_tag_if_its_own_was_assigned_to_another(self, installation: Installation) -> None:
        def create(new: NewAsset, do: Do) -> int:
            installation.asset_store.on_create = lambda _new, do: do()
            installation.pass_hours(1)  # the recovery has ended it
            assert installation.creator.create(laptop("OTHER-1")).tag == new.name
            return do()

        installation.asset_store.on_create = create
        late = installation.creator.create(laptop("LATE-1"))
        assert (late.tag, states("LATE-1")) == ("W12-0002", ["created"])
        installation.pass_hours()
        assert inconsistencies(installation.asset_store) == []

    def test_with_an_error_releases_no_other_tag(self, installation: Installation) -> None:
        def create(_new: NewAsset, _do: Do) -> int:
            installation.asset_store.on_create = lambda _new, do: do()
            installation.pass_hours(1)
            installation.creator.create(laptop("OTHER-1"))
            raise AssetStoreRefused("No.")

        installation.asset_store.on_create = create
        with pytest.raises(AssetStoreRefused):
            installation.creator.create(laptop("LATE-1"))
        assert (holder_of("W12-0001")[0], inconsistencies(installation.asset_store)) == ("assigned", [])


class TestANameThatAnAssetHas:
    """A person gave it to an asset in the asset store."""

    def test_is_skipped_without_a_further_request(self, installation: Installation) -> None:
        tagged = installation.creator.create(laptop("S-1"))
        installation.asset_store.rename(tagged.asset_id, "W12-0002")
        installation.asset_store.calls.clear()
        assert installation.creator.create(laptop("S-2")).tag == "W12-0003"
        assert installation.asset_store.calls == ["find_by_serials_or_names", "create"]
        assert (holder_of("W12-0001"), holder_of("W12-0002")) == (("assigned", tagged.asset_id), ("reserved", None))

    def test_is_skipped_if_it_is_far_ahead_of_the_sequence(self, installation: Installation) -> None:
        for number in range(1, 61):
            installation.asset_store.add(f"W12-{number:04d}")
        assert installation.creator.create(laptop("S-1")).tag == "W12-0061"
        assert installation.creator.create(laptop("S-2")).tag == "W12-0062"

    def test_does_not_hide_that_the_serial_number_exists(self, installation: Installation) -> None:
        installation.asset_store.add("W12-0001")
        existing = installation.asset_store.add("by hand", serial="s-1")
        with pytest.raises(SerialTaken) as taken:
            installation.creator.create(laptop("S-1"))
        assert (taken.value.fields["asset_id"], next_tag()) == (existing, "W12-0001")
