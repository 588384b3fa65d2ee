"""Creates many assets in a task: serial numbers are claimed and searched for by the hundred and tags are reserved in the order of the list,
then several threads create the assets.

A resumed task finds the assets that it created before.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import cast

from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.service import serial_taken
from request_tracker_utils.assets import creations
from request_tracker_utils.assets.errors import AssetImportDeleted, CreationPending, SerialInFlight, SerialRepeated
from request_tracker_utils.assets.fields import NewAssetFields, serial_key
from request_tracker_utils.assets.models import Creation, CreationState
from request_tracker_utils.assets.service import NOT_CREATED, AssetCreator, CreatedAsset
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.errors import AppError, Unavailable
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.tags import allocation, service as tags
from request_tracker_utils.tags.allocation import CheckedNames, with_checked_names
from request_tracker_utils.tags.errors import SequenceExhausted, SequenceNotReady
from request_tracker_utils.tags.models import Tag
from request_tracker_utils.tags.tag_format import TagName
from request_tracker_utils.tasks.models import Task, TaskItem
from request_tracker_utils.tasks.service import NewItem, start

CREATE_ASSETS = "create-assets"
"""The kind of task."""


def start_creating(session: Session, assets: Iterable[NewAssetFields], *, title: str, actor: Actor, now: datetime) -> Task:
    """Starts the task that creates these assets."""
    items = [NewItem(f"{each.serial_number}, {each.description}", asdict(each)) for each in assets]
    return start(session, CREATE_ASSETS, title=title, actor=actor, now=now, items=items)


@dataclass(frozen=True)
class _Claim:
    """`reserved` is the tag that the asset will get, if one was available."""

    creation: Creation
    reserved: Tag | None = None


class BatchCreator:
    """Creates the items of one run. `prepare` is called for hundreds of items before `create` for each of them.

    Tags are reserved in the order of the items, so that threads may create the assets in any order.
    """

    def __init__(self, creator: AssetCreator) -> None:
        self._creator = creator
        self._claims: dict[int, _Claim] = {}
        self._errors: dict[int, AppError] = {}
        self._names = CheckedNames()

    def prepare(self, items: list[TaskItem]) -> None:
        """Claims the serial numbers of these items, searches the asset store for them and for the next names, in one request for 200, and
        reserves the tags. Raises its errors."""
        fields = {item.id: _fields(item) for item in items if _has_fields(item)}
        claims, upcoming = self._claim(fields)
        try:
            serials = [fields[item_id].serial_number for item_id in claims]
            found = self._creator.asset_store.find_by_serials_or_names(serials, map(str, upcoming)) if serials else []
        except AppError as error:
            for claim in claims.values():
                self._abandon(claim, error)
            raise
        self._names |= CheckedNames.of(upcoming, found)
        existing = creations.by_serial(found)
        claimed_keys = {claim.creation.serial_key for claim in claims.values()}
        for item_id, each in fields.items():
            if item_id not in claims and serial_key(each.serial_number) in claimed_keys:
                message = _("Serial number %(serial)s is in this import more than once.", serial=each.serial_number)
                self._errors[item_id] = SerialRepeated(message, field="serial_number")
        for item_id in [item_id for item_id in fields if item_id in claims]:
            claim = claims[item_id]
            if assets := existing.get(claim.creation.serial_key):
                self._errors[item_id] = serial_taken(fields[item_id].serial_number, assets[0].id)
                self._abandon(claim, self._errors[item_id])
            else:
                self._claims[item_id] = claim
        self._reserve({item_id: fields[item_id] for item_id in fields if item_id in self._claims})

    def create(self, item: TaskItem) -> CreatedAsset:
        """Raises like AssetCreator.create, and CreationPending."""
        if (error := self._errors.pop(item.id, None)) is not None:
            raise error
        if (claim := self._claims.pop(item.id, None)) is not None:
            try:
                return self._creator.send(claim.creation, _fields(item), names=self._names, reserved=claim.reserved)
            except SerialInFlight as expired:
                self._abandon(claim, expired)  # the claim expired while others were created: start again
            except NOT_CREATED as refused:
                if claim.reserved is None or isinstance(refused, Unavailable):
                    raise
                message = _("%(problem)s %(tag)s is available again.", problem=refused.message, tag=claim.reserved.tag)
                raise type(refused)(message, **refused.fields) from refused
        if (created := self._created_earlier(item)) is not None:
            return created
        if not _has_fields(item):
            raise AssetImportDeleted(_("This row was deleted: rows are deleted a day after their task ends. Import the list again."))
        return self._creator.create(_fields(item), item_id=item.id)

    def release(self) -> None:
        """Frees the serial numbers and tags of the items that this run will not create."""
        interrupted = AppError(_(creations.INTERRUPTED))
        for claim in self._claims.values():
            self._abandon(claim, interrupted)
        self._claims.clear()

    def _claim(self, fields: dict[int, NewAssetFields]) -> tuple[dict[int, _Claim], list[TagName]]:
        """Item id → the claim of its serial number, and the names that the items may get. Renews claims of an earlier run, with their tags;
        `create` handles what that run sent."""
        with self._creator.transaction() as session:
            now = self._creator.clock()
            earlier = creations.by_items(session, list(fields))
            claims = {
                item_id: _Claim(each, creations.reservation(session, each) if each.tag_id else None)
                for item_id, each in earlier.items()
                if creations.renew(session, each, now=now)
            }
            new = [(item_id, each) for item_id, each in fields.items() if item_id not in earlier or earlier[item_id].has_failed]
            claimed = creations.claim_many(session, new, actor=self._creator.actor, now=now) if new else {}
            claims |= {int(each.item_id or 0): _Claim(each) for each in claimed.values()}
            needed = Counter(self._creator.prefix(session, fields[item_id]) for item_id, claim in claims.items() if claim.reserved is None)
            upcoming = [name for prefix, count in needed.items() for name in allocation.upcoming(session, prefix, count)]
        return claims, upcoming

    def _reserve(self, fields: dict[int, NewAssetFields]) -> None:
        """Reserves a tag for each of these items that has none, in their order. Without one, `create` fails the item."""
        by_prefix: dict[str, list[int]] = defaultdict(list)
        with self._creator.reading() as session:
            for item_id, each in fields.items():
                if self._claims[item_id].reserved is None:
                    by_prefix[self._creator.prefix(session, each)].append(item_id)
        for prefix, item_ids in by_prefix.items():
            with suppress(SequenceNotReady, SequenceExhausted):
                self._claims |= with_checked_names(self._creator.asset_store, self._reserver(prefix, item_ids), names=self._names)

    def _reserver(self, prefix: str, item_ids: list[int]) -> Callable[[CheckedNames], dict[int, _Claim]]:
        def reserve(names: CheckedNames) -> dict[int, _Claim]:
            self._names = names
            claims = {}
            with self._creator.transaction() as session:
                now = self._creator.clock()
                for item_id in item_ids:
                    creation = self._claims[item_id].creation
                    tag = tags.reserve(session, prefix, actor=self._creator.actor, now=now, names=names)
                    claims[item_id] = _Claim(creation, tag)
                for claim in claims.values():
                    creations.mark_reserved(session, claim.creation, cast(Tag, claim.reserved), now=now)
            return claims

        return reserve

    def _abandon(self, claim: _Claim, error: AppError) -> None:
        """Frees the serial number and the tag of an item that was not sent."""
        with self._creator.transaction() as session:
            now = self._creator.clock()
            if claim.reserved is not None:
                tags.cancel_reservation(session, claim.reserved, actor=self._creator.actor, now=now, reason=error.message)
            creations.release(session, claim.creation, problem=error.message, now=now)

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


def _has_fields(item: TaskItem) -> bool:
    """Whether the item's row was not deleted in the meantime."""
    return "manufacturer" in item.data


def _fields(item: TaskItem) -> NewAssetFields:
    return NewAssetFields(**item.data)
