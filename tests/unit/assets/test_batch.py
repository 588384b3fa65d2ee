"""Many assets as a task: through runs that break off, nothing twice and nothing lost."""

import pytest
from flask import Flask

from request_tracker_utils.asset_store.service import AssetStoreRefused, AssetStoreUnreachable, NewAsset, SerialTaken
from request_tracker_utils.assets import batch, claims, service
from request_tracker_utils.assets.batch import Batch, BeingFoundOut
from request_tracker_utils.assets.errors import CreationUnknown, SerialInFlight, SerialTwice
from request_tracker_utils.assets.service import Created
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.tasks import service as tasks
from request_tracker_utils.tasks.models import ItemState, TaskItem
from tests.services.asset_stores import silence
from tests.services.creations import ADA, wanted
from tests.services.loose_asset_store import Do
from tests.unit.assets.books import Office, discrepancies, holder_of, next_tag, states


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "PATIENCE", 0.05)
    monkeypatch.setattr(service, "LOOKS_EVERY", 0.01)


def listed(office: Office, *serials: str) -> list[TaskItem]:
    """The items of a task that creates these."""
    with transaction() as session:
        task_id = batch.start_creating(session, map(wanted, serials), title="A cart", actor=ADA, now=office.clock()).id
    with reading() as session:
        return tasks.items(session, task_id, ItemState.PENDING)


def run(office: Office, items: list[TaskItem]) -> list[Created | AppError]:
    """What comes of each item in one run."""
    making = Batch(office.creator)
    making.prepare(items)
    try:
        return [outcome(making, item) for item in items]
    finally:
        making.release()


def outcome(making: Batch, item: TaskItem) -> Created | AppError:
    try:
        return making.create(item)
    except AppError as error:
        return error


def kill_after(office: Office, count: int, *, created: bool) -> None:
    """The process ends in the middle of the next creation after so many."""
    left = iter(range(count))

    def create(_new: NewAsset, do: Do) -> int:
        if next(left, None) is not None:
            return do()
        if created:
            do()
        raise Killed

    office.asset_store.on_create = create


class TestAList:
    def test_is_created_in_its_order_with_one_search_for_all(self, office: Office) -> None:
        made = run(office, listed(office, *(f"S-{number}" for number in range(1, 31))))
        assert [each.tag for each in made if isinstance(each, Created)] == [f"W12-{number:04d}" for number in range(1, 31)]
        assert office.asset_store.calls == ["find_by_serials", *["create"] * 30]

    def test_with_a_serial_number_that_an_asset_has_creates_all_the_others(self, office: Office) -> None:
        holder = office.asset_store.add("by hand", serial="s-2")
        first, second, third = run(office, listed(office, "S-1", "S-2", "S-3"))
        assert isinstance(second, SerialTaken)
        assert second.fields["asset_id"] == holder
        assert (first, third) == (Created(2, "W12-0001", "S-1"), Created(3, "W12-0002", "S-3"))

    def test_with_the_same_serial_number_twice_creates_it_once(self, office: Office) -> None:
        made = run(office, listed(office, "S-1", "S-2", "s-1"))
        assert [asset.serial.lower() for asset in office.asset_store.assets.values()].count("s-1") == 1
        assert [type(each) for each in made].count(Created) == 2

    def test_with_the_same_serial_number_twice_creates_the_first_and_refuses_the_second(self, office: Office) -> None:
        first, second = run(office, listed(office, "S-1", "s-1"))
        assert (first, type(second)) == (Created(1, "W12-0001", "S-1"), SerialTwice)

    def test_waits_for_nobody_who_creates_one_of_its_serial_numbers_and_fails_that_alone(self, office: Office) -> None:
        with transaction() as session:
            claims.claim(session, wanted("S-1"), actor=ADA, now=office.clock())
        first, second = run(office, listed(office, "S-1", "S-2"))
        assert (type(first), second) == (SerialInFlight, Created(1, "W12-0001", "S-2"))

    def test_has_a_refusal_fail_its_asset_alone_and_leaves_its_tag_to_the_next(self, office: Office) -> None:
        def create(new: NewAsset, do: Do) -> int:
            if new.serial == "S-2":
                raise AssetStoreRefused("No.")
            return do()

        office.asset_store.on_create = create
        first, second, third = run(office, listed(office, "S-1", "S-2", "S-3"))
        assert isinstance(second, AssetStoreRefused)
        assert (first, third) == (Created(1, "W12-0001", "S-1"), Created(2, "W12-0002", "S-3"))

    def test_holds_nothing_when_the_directory_cannot_be_searched(self, office: Office) -> None:
        items = listed(office, "S-1", "S-2")
        office.asset_store.on_search = lambda: (_ for _ in ()).throw(silence())
        with pytest.raises(AssetStoreUnreachable):
            Batch(office.creator).prepare(items)
        office.asset_store.on_search = lambda: None
        assert office.creator.create(wanted("S-1")).tag == "W12-0001"


@pytest.mark.parametrize("created", [True, False], ids=["after the directory created it", "before"])
class TestARunThatIsKilled:
    def test_goes_on_creates_nothing_twice_and_loses_nothing(self, office: Office, created: bool) -> None:
        items = listed(office, *(f"S-{number}" for number in range(1, 7)))
        kill_after(office, 2, created=created)
        with pytest.raises(Killed):
            run_without_end(office, items)
        office.asset_store.on_create = lambda _new, do: do()
        told = run(office, items)
        assert [type(each) for each in told] == [Created, Created, BeingFoundOut, Created, Created, Created]
        office.hours_pass(1)
        assert all(isinstance(each, Created) for each in run(office, items))
        office.hours_pass(1)
        assert (len(office.asset_store.assets), discrepancies(office.asset_store)) == (6, [])

    def test_and_is_taken_up_when_all_is_known_says_of_each_what_it_is(self, office: Office, created: bool) -> None:
        items = listed(office, "S-1", "S-2", "S-3")
        kill_after(office, 1, created=created)
        with pytest.raises(Killed):
            run_without_end(office, items)
        office.asset_store.on_create = lambda _new, do: do()
        office.hours_pass(1)
        told = [each for each in run(office, items) if isinstance(each, Created)]
        assert {each.serial: office.asset_store.get(each.asset_id).serial for each in told} == {f"S-{n}": f"S-{n}" for n in (1, 2, 3)}
        assert sorted(each.tag for each in told) == ["W12-0001", "W12-0002", "W12-0003"]


def run_without_end(office: Office, items: list[TaskItem]) -> None:
    """Like `run`, in a process that does not come to tidying up."""
    making = Batch(office.creator)
    making.prepare(items)
    for item in items:
        making.create(item)


class TestARunThatIsCancelled:
    def test_frees_the_serial_numbers_that_it_does_not_come_to(self, office: Office) -> None:
        items = listed(office, "S-1", "S-2", "S-3")
        making = Batch(office.creator)
        making.prepare(items)
        making.create(items[0])
        making.release()
        assert (states("S-1"), states("S-2"), states("S-3")) == (["created"], ["failed"], ["failed"])
        assert office.creator.create(wanted("S-2")).tag == "W12-0002"

    def test_and_goes_on_later_finds_what_it_has_created(self, office: Office) -> None:
        items = listed(office, "S-1", "S-2")
        making = Batch(office.creator)
        making.prepare(items)
        first = making.create(items[0])
        making.release()
        assert run(office, items) == [first, Created(2, "W12-0002", "S-2")]


class TestTwoRunsOfOneTask:
    """The first lost its lease, and comes back while the second is at work."""

    def test_create_each_asset_once(self, office: Office) -> None:
        items = listed(office, "S-1", "S-2")
        stalled, second = Batch(office.creator), Batch(office.creator)
        stalled.prepare(items)
        second.prepare(items)
        made = second.create(items[0])
        assert stalled.create(items[0]) == made
        other = stalled.create(items[1])
        assert second.create(items[1]) == other
        assert (len(office.asset_store.assets), next_tag()) == (2, "W12-0003")

    def test_leave_no_serial_number_free_while_its_asset_is_being_created(self, office: Office) -> None:
        items = listed(office, "S-1")
        stalled, second = Batch(office.creator), Batch(office.creator)
        stalled.prepare(items)
        second.prepare(items)

        def create(_new: NewAsset, do: Do) -> int:
            office.asset_store.on_create = lambda _new, do: do()
            stalled.release()
            with pytest.raises(SerialInFlight):
                office.creator.create(wanted("S-1"))
            return do()

        office.asset_store.on_create = create
        second.create(items[0])
        assert len(office.asset_store.with_serial("S-1")) == 1


def test_claims_that_lapse_while_others_are_created_are_held_and_looked_for_anew(office: Office) -> None:
    items = listed(office, "S-1", "S-2", "S-3")
    making = Batch(office.creator)
    making.prepare(items)
    making.create(items[0])
    office.clock.forward(minutes=3)
    office.settle()
    twin = office.asset_store.add("by hand", serial="S-2")
    refused, made = outcome(making, items[1]), outcome(making, items[2])
    assert isinstance(refused, SerialTaken)
    assert refused.fields["asset_id"] == twin
    assert made == Created(3, "W12-0002", "S-3")


def test_an_asset_of_which_the_directory_was_silent_is_told_when_it_is_known(office: Office) -> None:
    (item,) = listed(office, "S-1")

    def create(_new: NewAsset, do: Do) -> int:
        do()
        raise silence()

    office.asset_store.on_create = create
    assert [type(each) for each in run(office, [item])] == [CreationUnknown]
    assert [type(each) for each in run(office, [item])] == [BeingFoundOut]
    office.clock.forward(seconds=20)
    office.settle()
    assert run(office, [item]) == [Created(1, "W12-0001", "S-1")]
    assert holder_of("W12-0001") == ("assigned", 1)


def test_items_of_a_task_carry_all_that_is_wanted_of_the_asset(inside: Flask, office: Office) -> None:
    asset = wanted("S-1", internal_name="Cart 1", category="Laptop", funding_source="Title I", catalog="Chromebooks")
    with transaction() as session:
        task_id = batch.start_creating(session, [asset], title="A cart", actor=ADA, now=office.clock()).id
    with reading() as session:
        (item,) = tasks.items(session, task_id, ItemState.PENDING)
    told: list[NewAsset] = []
    office.asset_store.on_create = lambda new, do: told.append(new) or do()
    run(office, [item])
    assert (told[0].catalog, told[0].model, told[0].manufacturer, told[0].fields) == (
        "Chromebooks",
        "Chromebook 3100",
        "Dell",
        {"Internal Name": "Cart 1", "Category": "Laptop", "Funding Source": "Title I"},
    )
