"""Creating many assets at once, as a task: serial numbers are held and looked for by hundreds, and the assets then created by several
threads. A task that is taken up again finds what it has created already."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime

from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.service import serial_taken
from request_tracker_utils.assets import claims
from request_tracker_utils.assets.errors import SerialInFlight, SerialTwice
from request_tracker_utils.assets.fields import Wanted, key
from request_tracker_utils.assets.models import Creation, CreationState
from request_tracker_utils.assets.serials import holders_of
from request_tracker_utils.assets.service import Created, Creator
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.errors import AppError, Unavailable
from request_tracker_utils.tags.models import Tag
from request_tracker_utils.tasks.models import Task, TaskItem
from request_tracker_utils.tasks.service import NewItem, start

KIND = "create-assets"


class BeingFoundOut(Unavailable):
    """An earlier run of the task was broken off in the middle of this asset: it is being found out whether it exists."""

    code = "being_found_out"


def start_creating(session: Session, wanted: Iterable[Wanted], *, title: str, actor: Actor, now: datetime) -> Task:
    """Writes down that these assets are to be created."""
    items = [NewItem(f"{each.serial_number}, {each.description}", asdict(each)) for each in wanted]
    return start(session, KIND, title=title, actor=actor, now=now, items=items)


class Batch:
    """The items of one run. `prepare` is called for hundreds of items before `create` for each of them."""

    def __init__(self, creator: Creator) -> None:
        self._creator = creator
        self._held: dict[int, Creation] = {}
        self._refused: dict[int, AppError] = {}

    def prepare(self, items: list[TaskItem]) -> None:
        """Holds the serial numbers of these items and searches the directory for them: one request for 200. Raises what it raises."""
        wanted = {item.id: _wanted(item) for item in items}
        held = self._hold(wanted)
        try:
            twins = holders_of(self._creator.asset_store, [wanted[item_id].serial_number for item_id in held])
        except AppError as error:
            for creation in held.values():
                self._creator.abandon(creation, error)
            raise
        spoken_for = {creation.serial_key for creation in held.values()}
        for item_id, each in wanted.items():
            if item_id not in held and key(each.serial_number) in spoken_for:
                self._refused[item_id] = SerialTwice(
                    f"Serial number {each.serial_number} stands twice in this list.", field="serial_number"
                )
        for item_id, creation in held.items():
            if assets := twins.get(creation.serial_key):
                self._refused[item_id] = serial_taken(wanted[item_id].serial_number, assets[0].id)
                self._creator.abandon(creation, self._refused[item_id])
            else:
                self._held[item_id] = creation

    def create(self, item: TaskItem) -> Created:
        """Raises like Creator.create, and BeingFoundOut."""
        if (error := self._refused.pop(item.id, None)) is not None:
            raise error
        if (mine := self._held.pop(item.id, None)) is not None:
            try:
                return self._creator.send(mine, _wanted(item))
            except SerialInFlight:
                pass  # it was held for too long while others were created: from the beginning
        return self._earlier(item) or self._creator.create(_wanted(item), item_id=item.id)

    def release(self) -> None:
        """Frees the serial numbers of items that the run does not come to any more."""
        with self._creator.transaction() as session:
            for creation in self._held.values():
                claims.let_go(session, creation, problem=claims.BROKEN_OFF, now=self._creator.clock())
        self._held.clear()

    def _hold(self, wanted: dict[int, Wanted]) -> dict[int, Creation]:
        """Item → the creation that holds its serial number. What an earlier run has held goes on; what it has sent is left to `create`."""
        with self._creator.transaction() as session:
            now = self._creator.clock()
            known = claims.of_items(session, list(wanted))
            held = {item_id: each for item_id, each in known.items() if claims.hold_on(session, each, now=now)}
            fresh = [(item_id, each) for item_id, each in wanted.items() if item_id not in known or known[item_id].has_failed]
            claimed = claims.claim_many(session, fresh, actor=self._creator.actor, now=now) if fresh else {}
        return held | {int(each.item_id or 0): each for each in claimed.values()}

    def _earlier(self, item: TaskItem) -> Created | None:
        """What an earlier run has created for the item. Raises BeingFoundOut while that is not known."""
        with self._creator.reading() as session:
            creation = claims.of_items(session, [item.id]).get(item.id)
            if creation is None or creation.has_failed:
                return None
            if creation.state == CreationState.CREATED:
                tag = session.get_one(Tag, creation.tag_id).tag
                return Created(int(creation.asset_id or 0), tag, creation.serial)
        raise BeingFoundOut(f"What became of serial number {creation.serial} is being found out. It goes on by itself.")


def _wanted(item: TaskItem) -> Wanted:
    return Wanted(**item.data)
