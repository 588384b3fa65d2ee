"""Many assets in a task: even if runs are interrupted, nothing is created twice and nothing is lost."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from flask import Flask

from request_tracker_utils.asset_store.service import AssetStoreRefused, AssetStoreUnreachable, NewAsset, SerialTaken
from request_tracker_utils.assets import batch, creations, service
from request_tracker_utils.assets.batch import BatchCreator
from request_tracker_utils.assets.errors import CreationPending, CreationUnknown, SerialInFlight, SerialRepeated
from request_tracker_utils.assets.service import CreatedAsset
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.tasks import service as tasks
from request_tracker_utils.tasks.models import ItemState, TaskItem
from tests.services.asset_stores import silence
from tests.services.creations import ADA, laptop
from tests.services.loose_asset_store import Do
from tests.unit.assets.installation import Installation, holder_of, inconsistencies, next_tag, open_difference, states


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "RIVAL_TIMEOUT", 0.05)
    monkeypatch.setattr(service, "POLL_INTERVAL", 0.01)


def task_items(installation: Installation, *serials: str) -> list[TaskItem]:
    """The items of a task that creates these."""
    with transaction() as session:
        task_id = batch.start_creating(session, map(laptop, serials), title="A cart", actor=ADA, now=installation.clock()).id
    with reading() as session:
        return tasks.items(session, task_id, ItemState.PENDING)


def run(installation: Installation, items: list[TaskItem]) -> list[CreatedAsset | AppError]:
    """The outcome of each item in one run."""
    batch_creator = BatchCreator(installation.creator)
    batch_creator.prepare(items)
    try:
        return [outcome(batch_creator, item) for item in items]
    finally:
        batch_creator.release()


def outcome(batch_creator: BatchCreator, item: TaskItem) -> CreatedAsset | AppError:
    try:
        return batch_creator.create(item)
    except AppError as error:
        return error


def kill_after(installation: Installation, count: int, *, created: bool) -> None:
    """The process ends in the middle of the next creation after so many."""
    left = iter(range(count))

    def create(_new: NewAsset, do: Do) -> int:
        if next(left, None) is not None:
            return do()
        if created:
            do()
        raise Killed

    installation.asset_store.on_create = create


class TestABatch:
    def test_is_created_in_order_with_one_search(self, installation: Installation) -> None:
        created = run(installation, task_items(installation, *(f"S-{number}" for number in range(1, 31))))
        assert [each.tag for each in created if isinstance(each, CreatedAsset)] == [f"W12-{number:04d}" for number in range(1, 31)]
        assert installation.asset_store.calls == ["find_by_serials_or_names", *["create"] * 30]

    def test_creates_all_but_existing_repeated_and_claimed_serial_numbers(self, installation: Installation) -> None:
        existing = installation.asset_store.add("by hand", serial="s-2")
        with transaction() as session:
            creations.claim(session, laptop("S-4"), actor=ADA, now=installation.clock())
        first, second, third, repeated, claimed = run(installation, task_items(installation, "S-1", "S-2", "S-3", "s-1", "S-4"))
        assert (first, third) == (CreatedAsset(2, "W12-0001", "S-1"), CreatedAsset(3, "W12-0002", "S-3"))
        assert (type(second), type(repeated), type(claimed)) == (SerialTaken, SerialRepeated, SerialInFlight)
        assert isinstance(second, SerialTaken)
        assert second.fields["asset_id"] == existing
        assert len(installation.asset_store.with_serial("S-1")) == 1

    def test_fails_a_refused_asset_only_whose_tag_is_available_again(self, installation: Installation) -> None:
        def create(new: NewAsset, do: Do) -> int:
            if new.serial == "S-2":
                raise AssetStoreRefused("No.")
            return do()

        installation.asset_store.on_create = create
        first, second, third = run(installation, task_items(installation, "S-1", "S-2", "S-3"))
        assert isinstance(second, AssetStoreRefused)
        assert second.message == "No. W12-0002 is available again."
        assert (first, third) == (CreatedAsset(1, "W12-0001", "S-1"), CreatedAsset(2, "W12-0003", "S-3"))
        assert next_tag() == "W12-0002"

    def test_keeps_the_order_of_the_list_when_assets_are_created_in_another_one(self, inside: Flask, installation: Installation) -> None:
        """In each pair the first asset waits until the second one exists; some are refused, and get their numbers when they are retried."""
        serials = [f"S-{number:02d}" for number in range(60)]
        tags = {serial: f"W12-{number:04d}" for number, serial in enumerate(serials, 1)}
        refused, exists = {"S-07", "S-30", "S-59"}, {serial: Event() for serial in serials}

        def create(new: NewAsset, do: Do) -> int:
            number = serials.index(new.serial)
            if number % 2 == 0:
                assert exists[serials[number + 1]].wait(20)
            exists[new.serial].set()
            if new.serial in refused:
                raise AssetStoreRefused("No.")
            return do()

        def created(items: list[TaskItem]) -> dict[str, CreatedAsset | AppError]:
            batch_creator = BatchCreator(installation.creator)
            batch_creator.prepare(items)

            def one(item: TaskItem) -> CreatedAsset | AppError:
                with inside.app_context():
                    return outcome(batch_creator, item)

            with ThreadPoolExecutor(4) as pool:
                return {item.data["serial_number"]: each for item, each in zip(items, pool.map(one, items), strict=True)}

        items = task_items(installation, *serials)
        installation.asset_store.on_create = create
        first = created(items)
        assert {serial: each.tag for serial, each in first.items() if isinstance(each, CreatedAsset)} == {
            serial: tag for serial, tag in tags.items() if serial not in refused
        }
        assert {serial: str(each) for serial, each in first.items() if isinstance(each, AppError)} == {
            serial: f"No. {tags[serial]} is available again." for serial in refused
        }
        installation.asset_store.on_create = lambda _new, do: do()
        again = created([item for item in items if item.data["serial_number"] in refused])
        assert {serial: each.tag for serial, each in again.items() if isinstance(each, CreatedAsset)} == {
            serial: tags[serial] for serial in refused
        }
        assert inconsistencies(installation.asset_store) == []

    def test_skips_names_that_assets_have_already(self, installation: Installation) -> None:
        by_hand = [installation.asset_store.add(name) for name in ("W12-0002", "W12-0003")]
        created = run(installation, task_items(installation, "S-1", "S-2", "S-3"))
        assert [each.tag for each in created if isinstance(each, CreatedAsset)] == ["W12-0001", "W12-0004", "W12-0005"]
        assert installation.asset_store.calls == ["find_by_serials_or_names", *["create"] * 3]
        assert [open_difference(asset_id) for asset_id in by_hand] == ["W12-0002", "W12-0003"]
        assert [holder_of(name) for name in ("W12-0002", "W12-0003")] == [("reserved", None)] * 2

    def test_has_the_same_tags_when_it_is_resumed(self, installation: Installation) -> None:
        """The process was killed before it created anything: the reserved tags stay with their items."""
        items = task_items(installation, "S-1", "S-2", "S-3")
        BatchCreator(installation.creator).prepare(items)
        assert installation.creator.create(laptop("S-9")).tag == "W12-0004"
        resumed = run(installation, items)
        assert [each.tag for each in resumed if isinstance(each, CreatedAsset)] == ["W12-0001", "W12-0002", "W12-0003"]

    def test_frees_tags_and_serial_numbers_that_it_does_not_use(self, installation: Installation) -> None:
        batch_creator = BatchCreator(installation.creator)
        batch_creator.prepare(task_items(installation, "S-1", "S-2"))
        batch_creator.release()
        assert next_tag() == "W12-0001"
        assert installation.creator.create(laptop("S-2")).tag == "W12-0001"

    def test_claims_nothing_if_the_search_fails(self, installation: Installation) -> None:
        items = task_items(installation, "S-1", "S-2")
        installation.asset_store.on_search = lambda: (_ for _ in ()).throw(silence())
        with pytest.raises(AssetStoreUnreachable):
            BatchCreator(installation.creator).prepare(items)
        installation.asset_store.on_search = lambda: None
        assert installation.creator.create(laptop("S-1")).tag == "W12-0001"


@pytest.mark.parametrize("created", [True, False], ids=["after the asset was created", "before"])
class TestARunThatIsKilled:
    def test_creates_nothing_twice_and_loses_nothing_when_it_resumes(self, installation: Installation, created: bool) -> None:
        items = task_items(installation, *(f"S-{number}" for number in range(1, 7)))
        kill_after(installation, 2, created=created)
        with pytest.raises(Killed):
            run_without_cleanup(installation, items)
        installation.asset_store.on_create = lambda _new, do: do()
        outcomes = run(installation, items)
        assert [type(each) for each in outcomes] == [CreatedAsset, CreatedAsset, CreationPending, CreatedAsset, CreatedAsset, CreatedAsset]
        installation.pass_hours(1)
        assert all(isinstance(each, CreatedAsset) for each in run(installation, items))
        installation.pass_hours(1)
        assert (len(installation.asset_store.assets), inconsistencies(installation.asset_store)) == (6, [])

    def test_reports_each_asset_when_it_resumes_after_the_recovery(self, installation: Installation, created: bool) -> None:
        items = task_items(installation, "S-1", "S-2", "S-3")
        kill_after(installation, 1, created=created)
        with pytest.raises(Killed):
            run_without_cleanup(installation, items)
        installation.asset_store.on_create = lambda _new, do: do()
        installation.pass_hours(1)
        outcomes = [each for each in run(installation, items) if isinstance(each, CreatedAsset)]
        assert {each.serial: installation.asset_store.get(each.asset_id).serial for each in outcomes} == {
            f"S-{n}": f"S-{n}" for n in (1, 2, 3)
        }
        assert sorted(each.tag for each in outcomes) == ["W12-0001", "W12-0002", "W12-0003"]


def run_without_cleanup(installation: Installation, items: list[TaskItem]) -> None:
    """Like `run`, without its cleanup."""
    batch_creator = BatchCreator(installation.creator)
    batch_creator.prepare(items)
    for item in items:
        batch_creator.create(item)


class TestARunThatIsCancelled:
    def test_frees_the_serial_numbers_that_it_did_not_create(self, installation: Installation) -> None:
        items = task_items(installation, "S-1", "S-2", "S-3")
        batch_creator = BatchCreator(installation.creator)
        batch_creator.prepare(items)
        batch_creator.create(items[0])
        batch_creator.release()
        assert (states("S-1"), states("S-2"), states("S-3")) == (["created"], ["failed"], ["failed"])
        assert installation.creator.create(laptop("S-2")).tag == "W12-0002"

    def test_finds_what_it_has_created_when_it_resumes(self, installation: Installation) -> None:
        items = task_items(installation, "S-1", "S-2")
        batch_creator = BatchCreator(installation.creator)
        batch_creator.prepare(items)
        first = batch_creator.create(items[0])
        batch_creator.release()
        assert run(installation, items) == [first, CreatedAsset(2, "W12-0002", "S-2")]


class TestTwoRunsOfOneTask:
    """The first lost its lease, and returns while the second is running."""

    def test_create_each_asset_once(self, installation: Installation) -> None:
        items = task_items(installation, "S-1", "S-2")
        stalled, second = BatchCreator(installation.creator), BatchCreator(installation.creator)
        stalled.prepare(items)
        second.prepare(items)
        made = second.create(items[0])
        assert stalled.create(items[0]) == made
        other = stalled.create(items[1])
        assert second.create(items[1]) == other
        assert (len(installation.asset_store.assets), next_tag()) == (2, "W12-0003")

    def test_free_no_serial_number_while_its_asset_is_being_created(self, installation: Installation) -> None:
        items = task_items(installation, "S-1")
        stalled, second = BatchCreator(installation.creator), BatchCreator(installation.creator)
        stalled.prepare(items)
        second.prepare(items)

        def create(_new: NewAsset, do: Do) -> int:
            installation.asset_store.on_create = lambda _new, do: do()
            stalled.release()
            with pytest.raises(SerialInFlight):
                installation.creator.create(laptop("S-1"))
            return do()

        installation.asset_store.on_create = create
        second.create(items[0])
        assert len(installation.asset_store.with_serial("S-1")) == 1


def test_claims_that_expire_while_others_are_created_are_renewed_and_checked_again(installation: Installation) -> None:
    items = task_items(installation, "S-1", "S-2", "S-3")
    batch_creator = BatchCreator(installation.creator)
    batch_creator.prepare(items)
    batch_creator.create(items[0])
    installation.clock.forward(minutes=3)
    installation.recover()
    existing = installation.asset_store.add("by hand", serial="S-2")
    refused, made = outcome(batch_creator, items[1]), outcome(batch_creator, items[2])
    assert isinstance(refused, SerialTaken)
    assert refused.fields["asset_id"] == existing
    assert made == CreatedAsset(3, "W12-0002", "S-3")


def test_an_asset_with_an_unknown_outcome_is_reported_once_it_is_known(installation: Installation) -> None:
    (item,) = task_items(installation, "S-1")

    def create(_new: NewAsset, do: Do) -> int:
        do()
        raise silence()

    installation.asset_store.on_create = create
    assert [type(each) for each in run(installation, [item])] == [CreationUnknown]
    assert [type(each) for each in run(installation, [item])] == [CreationPending]
    installation.clock.forward(seconds=20)
    installation.recover()
    assert run(installation, [item]) == [CreatedAsset(1, "W12-0001", "S-1")]
    assert holder_of("W12-0001") == ("assigned", 1)


def test_items_of_a_task_carry_all_fields_of_the_asset(inside: Flask, installation: Installation) -> None:
    asset = laptop("S-1", internal_name="Cart 1", category="Laptop", funding_source="Title I", catalog="Chromebooks")
    with transaction() as session:
        task_id = batch.start_creating(session, [asset], title="A cart", actor=ADA, now=installation.clock()).id
    with reading() as session:
        (item,) = tasks.items(session, task_id, ItemState.PENDING)
    sent: list[NewAsset] = []
    installation.asset_store.on_create = lambda new, do: sent.append(new) or do()
    run(installation, [item])
    assert (sent[0].catalog, sent[0].model, sent[0].manufacturer, sent[0].fields) == (
        "Chromebooks",
        "Chromebook 3100",
        "Dell",
        {"Internal Name": "Cart 1", "Category": "Laptop", "Funding Source": "Title I"},
    )
