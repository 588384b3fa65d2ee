"""Creates many assets in a task: serial numbers are claimed and searched for by the hundred, then several threads create the assets.

A resumed task finds the assets that it created before.
"""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime

from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.service import serial_taken
from request_tracker_utils.assets import creations
from request_tracker_utils.assets.creations import assets_by_serial
from request_tracker_utils.assets.errors import CreationPending, SerialInFlight, SerialRepeated
from request_tracker_utils.assets.fields import NewAssetFields, serial_key
from request_tracker_utils.assets.models import Creation, CreationState
from request_tracker_utils.assets.service import AssetCreator, CreatedAsset
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.tags.models import Tag
from request_tracker_utils.tasks.models import Task, TaskItem
from request_tracker_utils.tasks.service import NewItem, start

CREATE_ASSETS = "create-assets"
"""The kind of task."""


def start_creating(session: Session, assets: Iterable[NewAssetFields], *, title: str, actor: Actor, now: datetime) -> Task:
    """Starts the task that creates these assets."""
    items = [NewItem(f"{each.serial_number}, {each.description}", asdict(each)) for each in assets]
    return start(session, CREATE_ASSETS, title=title, actor=actor, now=now, items=items)


class BatchCreator:
    """Creates the items of one run. `prepare` is called for hundreds of items before `create` for each of them."""

    def __init__(self, creator: AssetCreator) -> None:
        self._creator = creator
        self._claimed: dict[int, Creation] = {}
        self._errors: dict[int, AppError] = {}

    def prepare(self, items: list[TaskItem]) -> None:
        """Claims the serial numbers of these items and searches the asset store for them: one request for 200. Raises its errors."""
        fields = {item.id: _fields(item) for item in items}
        claimed = self._claim(fields)
        try:
            existing = assets_by_serial(self._creator.asset_store, [fields[item_id].serial_number for item_id in claimed])
        except AppError as error:
            for creation in claimed.values():
                self._creator.abandon(creation, error)
            raise
        claimed_keys = {creation.serial_key for creation in claimed.values()}
        for item_id, each in fields.items():
            if item_id not in claimed and serial_key(each.serial_number) in claimed_keys:
                message = _("Serial number %(serial)s is in this import more than once.", serial=each.serial_number)
                self._errors[item_id] = SerialRepeated(message, field="serial_number")
        for item_id, creation in claimed.items():
            if assets := existing.get(creation.serial_key):
                self._errors[item_id] = serial_taken(fields[item_id].serial_number, assets[0].id)
                self._creator.abandon(creation, self._errors[item_id])
            else:
                self._claimed[item_id] = creation

    def create(self, item: TaskItem) -> CreatedAsset:
        """Raises like AssetCreator.create, and CreationPending."""
        if (error := self._errors.pop(item.id, None)) is not None:
            raise error
        if (creation := self._claimed.pop(item.id, None)) is not None:
            try:
                return self._creator.send(creation, _fields(item))
            except SerialInFlight:
                pass  # the claim expired while others were created: start again
        return self._created_earlier(item) or self._creator.create(_fields(item), item_id=item.id)

    def release(self) -> None:
        """Frees the serial numbers of the items that this run will not create."""
        with self._creator.transaction() as session:
            for creation in self._claimed.values():
                creations.release(session, creation, problem=_(creations.INTERRUPTED), now=self._creator.clock())
        self._claimed.clear()

    def _claim(self, fields: dict[int, NewAssetFields]) -> dict[int, Creation]:
        """Item id → the creation that claims its serial number. Renews claims of an earlier run; `create` handles what that run sent."""
        with self._creator.transaction() as session:
            now = self._creator.clock()
            earlier = creations.by_items(session, list(fields))
            continued = {item_id: each for item_id, each in earlier.items() if creations.renew(session, each, now=now)}
            new = [(item_id, each) for item_id, each in fields.items() if item_id not in earlier or earlier[item_id].has_failed]
            claimed = creations.claim_many(session, new, actor=self._creator.actor, now=now) if new else {}
        return continued | {int(each.item_id or 0): each for each in claimed.values()}

    def _created_earlier(self, item: TaskItem) -> CreatedAsset | None:
        """The asset that an earlier run created for the item. Raises CreationPending while the result is unknown."""
        with self._creator.reading() as session:
            creation = creations.by_items(session, [item.id]).get(item.id)
            if creation is None or creation.has_failed:
                return None
            if creation.state == CreationState.CREATED:
                tag = session.get_one(Tag, creation.tag_id).tag
                return CreatedAsset(int(creation.asset_id or 0), tag, creation.serial)
        message = _(
            "Checking whether the asset with serial number %(serial)s was created. The task continues automatically.",
            serial=creation.serial,
        )
        raise CreationPending(message)


def _fields(item: TaskItem) -> NewAssetFields:
    return NewAssetFields(**item.data)
