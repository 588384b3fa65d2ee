"""Creating one asset: a serial number once, a tag once, whatever happens in between."""

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
from tests.services.creations import ADA, wanted
from tests.services.loose_asset_store import Do
from tests.unit.assets.books import Office, discrepancies, holder_of, next_tag, states

REFUSALS = [AssetStoreRefused("No."), AssetStoreBusy("Later."), AssetStoreInvalid("It does not fit.")]
SILENCES = [silence(), AssetStoreBroken("It stumbled.")]


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "PATIENCE", 0.3)
    monkeypatch.setattr(service, "LOOKS_EVERY", 0.01)


@pytest.fixture
def held_up(inside: Flask, office: Office) -> Iterator[Callable[[str], "HeldUp"]]:
    """Creates in another thread, up to where the directory is told."""
    with ThreadPoolExecutor(1) as pool:
        begun: list[HeldUp] = []

        def begin(serial: str) -> HeldUp:
            begun.append(HeldUp(inside, office, pool, serial))
            return begun[-1]

        yield begin
        for each in begun:
            each.go_on.set()


class HeldUp:
    def __init__(self, app: Flask, office: Office, pool: ThreadPoolExecutor, serial: str) -> None:
        self.go_on, reached = Event(), Event()

        def slow(_new: NewAsset, do: Do) -> int:
            office.asset_store.on_create = lambda _new, do: do()
            reached.set()
            assert self.go_on.wait(20)
            return do()

        def create() -> CreatedAsset:
            with app.app_context():
                return office.creator.create(wanted(serial))

        office.asset_store.on_create = slow
        self.ended = pool.submit(create)
        assert reached.wait(20)


def after(error: BaseException) -> Callable[[NewAsset, Do], int]:
    """The directory creates the asset, and says this."""

    def create(_new: NewAsset, do: Do) -> int:
        do()
        raise error

    return create


def instead(error: BaseException) -> Callable[[NewAsset, Do], int]:
    def create(_new: NewAsset, _do: Do) -> int:
        raise error

    return create


def give_all_tags_back_to_adoption() -> None:
    with transaction() as session:
        session.execute(update(TagSequence).values(adopted_at=None))


class TestAnAsset:
    def test_is_created_under_the_next_tag_and_its_serial_number_is_spelt_as_sent(self, office: Office) -> None:
        assert office.creator.create(wanted("aBc-1")) == CreatedAsset(1, "W12-0001", "aBc-1")
        assert office.creator.create(wanted("aBc-2")).tag == "W12-0002"
        assert (office.asset_store.get(1).name, office.asset_store.get(1).serial) == ("W12-0001", "aBc-1")

    def test_costs_two_requests_to_the_directory(self, office: Office) -> None:
        office.creator.create(wanted("S-1"))
        assert office.asset_store.calls == ["find_by_serial", "create"]

    def test_is_its_tags_as_soon_as_it_is_answered(self, office: Office) -> None:
        made = office.creator.create(wanted("S-1"))
        assert holder_of(made.tag) == ("assigned", made.asset_id)
        office.hours_pass()
        assert discrepancies(office.asset_store) == []


class TestASerialNumberThatAnAssetHas:
    @pytest.mark.parametrize("spelt", ["TAKEN-1", "taken-1", "Taken-1"])
    def test_is_refused_with_that_asset_whatever_its_capitals(self, office: Office, spelt: str) -> None:
        holder = office.asset_store.add("by hand", serial="Taken-1")
        with pytest.raises(SerialTaken) as refusal:
            office.creator.create(wanted(spelt))
        assert (refusal.value.fields["asset_id"], refusal.value.message) == (
            holder,
            f"Serial number {spelt} already exists (Asset #{holder})",
        )

    def test_spends_no_tag_and_holds_nothing(self, office: Office) -> None:
        office.asset_store.add("by hand", serial="TAKEN-1")
        for _ in range(2):
            with pytest.raises(SerialTaken):
                office.creator.create(wanted("TAKEN-1"))
        assert (next_tag(), states("TAKEN-1")) == ("W12-0001", ["failed", "failed"])


class TestTheSameSerialNumberAtTheSameMoment:
    def test_is_created_once_and_the_others_are_told_which_asset_it_is(
        self, inside: Flask, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(service, "PATIENCE", 20.0)

        def slowly(_new: NewAsset, do: Do) -> int:
            time.sleep(0.1)
            return do()

        office.asset_store.on_create = slowly

        def create(spelt: str) -> CreatedAsset | AppError:
            with inside.app_context():
                try:
                    return office.creator.create(wanted(spelt))
                except SerialTaken as error:
                    return error

        with ThreadPoolExecutor(8) as pool:
            told = list(pool.map(create, ["same-1", "SAME-1", "Same-1", "sAmE-1"] * 2))
        (made,) = [each for each in told if isinstance(each, CreatedAsset)]
        assert [each.fields["asset_id"] for each in told if isinstance(each, SerialTaken)] == [made.asset_id] * 7
        assert (len(office.asset_store.assets), next_tag()) == (1, "W12-0002")

    def test_has_the_later_one_wait_for_the_first_ones_asset(
        self, office: Office, held_up: Callable[[str], HeldUp], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(service, "PATIENCE", 20.0)
        first = held_up("S-1")
        monkeypatch.setattr(service.time, "sleep", lambda _seconds: first.go_on.set() or first.ended.result(20))
        with pytest.raises(SerialTaken) as refusal:
            office.creator.create(wanted("s-1"))
        assert refusal.value.fields["asset_id"] == first.ended.result().asset_id

    def test_tells_the_later_one_to_try_again_when_that_takes_too_long(self, office: Office, held_up: Callable[[str], HeldUp]) -> None:
        first = held_up("S-1")
        began = time.monotonic()
        with pytest.raises(SerialInFlight) as refusal:
            office.creator.create(wanted("s-1"))
        assert 0.3 <= time.monotonic() - began < 3
        assert (refusal.value.fields["retry"], "asset_id" in refusal.value.fields) == (True, False)
        first.go_on.set()
        first.ended.result()
        with pytest.raises(SerialTaken):
            office.creator.create(wanted("s-1"))
        assert len(office.asset_store.assets) == 1

    def test_is_the_later_ones_when_the_first_was_refused(
        self, office: Office, held_up: Callable[[str], HeldUp], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(service, "PATIENCE", 20.0)
        first = held_up("S-1")
        monkeypatch.setattr(office.asset_store, "add", lambda *_args, **_fields: _raise(AssetStoreRefused("No.")))

        def while_waiting(_seconds: float) -> None:
            first.go_on.set()
            with pytest.raises(AssetStoreRefused):
                first.ended.result(20)
            monkeypatch.undo()

        monkeypatch.setattr(service.time, "sleep", while_waiting)
        made = office.creator.create(wanted("S-1"))
        assert (made.tag, states("S-1")) == ("W12-0001", ["failed", "created"])


def _raise(error: BaseException) -> int:
    raise error


class TestADirectoryThatSaysNo:
    @pytest.mark.parametrize("refusal", REFUSALS, ids=lambda error: type(error).__name__)
    def test_leaves_serial_number_and_tag_free(self, office: Office, refusal: AppError) -> None:
        office.asset_store.on_create = instead(refusal)
        with pytest.raises(type(refusal), match=refusal.message):
            office.creator.create(wanted("S-1"))
        assert (next_tag(), holder_of("W12-0001"), states("S-1")) == ("W12-0001", ("released", None), ["failed"])
        office.asset_store.on_create = lambda _new, do: do()
        assert office.creator.create(wanted("S-1")).tag == "W12-0001"
        office.hours_pass()
        assert discrepancies(office.asset_store) == []

    @pytest.mark.parametrize("error", [*REFUSALS, *SILENCES], ids=lambda error: type(error).__name__)
    def test_when_it_is_searched_is_told_nothing_and_the_serial_number_is_free(self, office: Office, error: AppError) -> None:
        office.asset_store.on_search = lambda: _raise(error)  # type: ignore[assignment,return-value]
        with pytest.raises(type(error)):
            office.creator.create(wanted("S-1"))
        office.asset_store.on_search = lambda: None
        assert ("create" in office.asset_store.calls, next_tag()) == (False, "W12-0001")
        assert office.creator.create(wanted("S-1")).tag == "W12-0001"


class TestASequenceThatIsNotReady:
    def test_leaves_the_serial_number_free(self, office: Office) -> None:
        give_all_tags_back_to_adoption()
        with pytest.raises(SequenceNotReady):
            office.creator.create(wanted("S-1"))
        assert (states("S-1"), "create" in office.asset_store.calls) == (["failed"], False)


@pytest.mark.parametrize("error", SILENCES, ids=lambda error: type(error).__name__)
class TestADirectoryThatFellSilent:
    @pytest.mark.parametrize("answer", [after, instead], ids=["after it created the asset", "before"])
    def test_keeps_tag_and_serial_number_and_says_so(
        self, office: Office, error: AppError, answer: Callable[[AppError], Callable[[NewAsset, Do], int]]
    ) -> None:
        office.asset_store.on_create = answer(error)
        with pytest.raises(CreationUnknown, match="W12-0001 and serial number S-1 are kept") as told:
            office.creator.create(wanted("S-1"))
        assert (told.value.fields["retry"], holder_of("W12-0001")[0], next_tag()) == (True, "reserved", "W12-0002")

    def test_after_it_created_the_asset_tells_the_second_request_which_one_it_is(self, office: Office, error: AppError) -> None:
        office.asset_store.on_create = after(error)
        with pytest.raises(CreationUnknown):
            office.creator.create(wanted("S-1"))
        with pytest.raises(SerialTaken) as told:
            office.creator.create(wanted("s-1"))
        assert (told.value.fields["asset_id"], holder_of("W12-0001")) == (1, ("assigned", 1))

    def test_before_it_created_the_asset_has_the_second_request_wait_until_that_is_known(self, office: Office, error: AppError) -> None:
        office.asset_store.on_create = instead(error)
        with pytest.raises(CreationUnknown):
            office.creator.create(wanted("S-1"))
        office.asset_store.on_create = lambda _new, do: do()
        for _ in range(5):
            office.clock.forward(minutes=1)
            with pytest.raises(SerialInFlight) as told:
                office.creator.create(wanted("s-1"))
            assert told.value.fields["retry"] is True
        office.hours_pass(1)
        assert office.creator.create(wanted("S-1")).tag == "W12-0001"
        office.hours_pass()
        assert discrepancies(office.asset_store) == []

    def test_and_does_not_answer_the_search_either_has_nobody_create_a_twin(self, office: Office, error: AppError) -> None:
        office.asset_store.on_create = after(error)
        with pytest.raises(CreationUnknown):
            office.creator.create(wanted("S-1"))
        office.asset_store.on_search = lambda: _raise(error)  # type: ignore[assignment,return-value]
        with pytest.raises(type(error)):
            office.creator.create(wanted("S-1"))
        assert len(office.asset_store.assets) == 1


class TestTheWebhook:
    """Request Tracker calls it before it answers our creation."""

    def test_that_tells_the_name_gives_the_asset_the_tag_that_was_reserved_for_it(self, office: Office) -> None:
        office.asset_store.on_create = lambda new, do: told(office, do(), new.name)
        assert office.creator.create(wanted("S-1")).tag == "W12-0001"
        office.hours_pass()
        assert (discrepancies(office.asset_store), next_tag()) == ([], "W12-0002")

    def test_that_tells_the_number_alone_wins_and_the_reserved_tag_is_free_later(self, office: Office) -> None:
        def create(_new: NewAsset, do: Do) -> int:
            asset_id = told(office, do(), None)
            office.asset_store.rename(asset_id, "W12-0002")  # the scrip sets the name that it was answered
            return asset_id

        office.asset_store.on_create = create
        made = office.creator.create(wanted("S-1"))
        assert (made.tag, holder_of("W12-0002")) == ("W12-0002", ("assigned", made.asset_id))
        office.hours_pass()
        assert (discrepancies(office.asset_store), next_tag()) == ([], "W12-0001")

    @pytest.mark.parametrize("name", ["W12-0001", None], ids=["with the name", "by number alone"])
    def test_of_a_creation_whose_answer_was_lost_makes_no_second_tag(self, office: Office, name: str | None) -> None:
        def create(_new: NewAsset, do: Do) -> int:
            told(office, do(), name)
            raise silence()

        office.asset_store.on_create = create
        with pytest.raises(CreationUnknown):
            office.creator.create(wanted("S-1"))
        office.hours_pass()
        assert (discrepancies(office.asset_store), states("S-1")) == ([], ["created"])


def told(office: Office, asset_id: int, name: str | None) -> int:
    tags.on_asset_created(transaction, asset_id=asset_id, asset_name=name, prefix="W12-", now=office.clock(), actor=ADA)
    return asset_id


STEPS = {
    "before it looks for the serial number": lambda office, _patch: setattr(office.asset_store, "on_search", lambda: _raise(Killed())),
    "before it takes a tag": lambda _office, patch: patch.setattr(service.tags, "reserve", lambda *_args, **_kwargs: _raise(Killed())),
    "before the directory is told": lambda office, _patch: setattr(office.asset_store, "on_create", instead(Killed())),
    "after the directory created it": lambda office, _patch: setattr(office.asset_store, "on_create", after(Killed())),
    "before it writes the asset down": lambda _office, patch: patch.setattr(
        service.claims, "note_created", lambda *_a, **_k: _raise(Killed())
    ),
}


@pytest.mark.parametrize("step", STEPS)
class TestAProcessThatIsKilled:
    def test_leaves_nothing_open_and_nothing_twice(self, office: Office, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
        self.be_killed(office, monkeypatch, step)
        office.hours_pass()
        assert discrepancies(office.asset_store) == []
        assert states("S-1") == (["created"] if office.asset_store.assets else ["failed"])

    def test_has_the_next_request_create_the_asset_or_name_it(self, office: Office, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
        self.be_killed(office, monkeypatch, step)
        there = [asset.id for asset in office.asset_store.with_serial("S-1")]
        with suppress(SerialInFlight):
            office.creator.create(wanted("S-1"))
        office.hours_pass()
        if there:
            with pytest.raises(SerialTaken) as refusal:
                office.creator.create(wanted("S-1"))
            assert refusal.value.fields["asset_id"] == there[0]
        elif not office.asset_store.assets:
            office.creator.create(wanted("S-1"))
        office.hours_pass()
        assert (len(office.asset_store.assets), next_tag(), discrepancies(office.asset_store)) == (1, "W12-0002", [])

    @staticmethod
    def be_killed(office: Office, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
        with monkeypatch.context() as patch:
            STEPS[step](office, patch)
            with pytest.raises(Killed):
                office.creator.create(wanted("S-1"))
        office.asset_store.on_search, office.asset_store.on_create = (lambda: None), (lambda _new, do: do())


class TestACreationThatComesBackLate:
    def test_has_its_asset_and_the_next_tag_when_its_own_was_given_away(self, office: Office) -> None:
        def create(new: NewAsset, do: Do) -> int:
            office.asset_store.on_create = lambda _new, do: do()
            office.hours_pass(1)  # everybody has given it up
            assert office.creator.create(wanted("OTHER-1")).tag == new.name
            return do()

        office.asset_store.on_create = create
        late = office.creator.create(wanted("LATE-1"))
        assert (late.tag, states("LATE-1")) == ("W12-0002", ["created"])
        office.hours_pass()
        assert discrepancies(office.asset_store) == []

    def test_and_was_refused_gives_nobody_elses_tag_back(self, office: Office) -> None:
        def create(_new: NewAsset, _do: Do) -> int:
            office.asset_store.on_create = lambda _new, do: do()
            office.hours_pass(1)
            office.creator.create(wanted("OTHER-1"))
            raise AssetStoreRefused("No.")

        office.asset_store.on_create = create
        with pytest.raises(AssetStoreRefused):
            office.creator.create(wanted("LATE-1"))
        assert (holder_of("W12-0001")[0], discrepancies(office.asset_store)) == ("assigned", [])
