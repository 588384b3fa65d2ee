"""Creates assets: each serial number once, each asset with the next tag, even if a step fails.

Claim the serial number, search the asset store for it and for the names of the next tags, reserve a tag, create the asset, bind the tag:
each step is recorded in a row.
`recovery` completes creations that an unreachable asset store or a killed process left open.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Semaphore

from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.service import (
    AssetStore,
    AssetStoreBusy,
    AssetStoreInvalid,
    AssetStoreRefused,
    SerialTaken,
    serial_taken,
)
from request_tracker_utils.assets import creations, recovery
from request_tracker_utils.assets.errors import CreationUnknown, SerialInFlight
from request_tracker_utils.assets.fields import CreationSettings, NewAssetFields
from request_tracker_utils.assets.models import Creation, CreationState
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import Reading, Transaction
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.tags import allocation, service as tags
from request_tracker_utils.tags.allocation import NOTHING_CHECKED, CheckedNames, with_checked_names
from request_tracker_utils.tags.models import Tag
from request_tracker_utils.tags.prefixes import prefix_for
from request_tracker_utils.tags.tag_format import TagName

RIVAL_TIMEOUT = 5.0
"""Seconds that the second of two creations of one serial number waits for the first one's asset."""
POLL_INTERVAL = 0.1
NOT_CREATED = (AssetStoreInvalid, AssetStoreRefused, AssetStoreBusy, SerialTaken)
"""After these errors the asset was not created. After any other error it may exist."""


@dataclass(frozen=True)
class CreatedAsset:
    """`serial` is spelled as it was sent."""

    asset_id: int
    tag: str
    serial: str


@dataclass(frozen=True)
class AssetCreator:
    """Creates assets in an asset store, with the settings of this installation, for an actor.

    `waiting_slots` limits how many threads of this process wait for another creation: Request Tracker needs a thread for its webhook
    before it answers a creation. If no slot is free, SerialInFlight is raised immediately.
    """

    transaction: Transaction
    reading: Reading
    asset_store: AssetStore
    settings: CreationSettings
    actor: Actor
    clock: Callable[[], datetime] = utc_now
    waiting_slots: Semaphore | None = None

    def create(self, fields: NewAssetFields, *, item_id: int | None = None) -> CreatedAsset:
        """Creates the asset with the next tag of its catalog. Sends two requests to the asset store in the usual case.

        Raises SerialTaken (with the existing asset's `asset_id`); SerialInFlight; SequenceNotReady and SequenceExhausted;
        AssetStoreInvalid, AssetStoreRefused and AssetStoreBusy, after which serial number and tag are free again; CreationUnknown, after
        which both stay reserved until it is known whether the asset exists; and the errors of the search in the asset store, after which
        nothing was sent.
        """
        creation, upcoming = self._claimed(fields, item_id)
        try:
            found = self.asset_store.find_by_serials_or_names([fields.serial_number], map(str, upcoming))
            existing = [asset for asset in found if asset.has_serial(fields.serial_number)]
            if existing:
                raise serial_taken(fields.serial_number, existing[0].id)
        except AppError as error:
            self.abandon(creation, error)
            raise
        return self.send(creation, fields, names=CheckedNames.of(upcoming, found))

    def send(
        self, creation: Creation, fields: NewAssetFields, *, names: CheckedNames = NOTHING_CHECKED, reserved: Tag | None = None
    ) -> CreatedAsset:
        """Creates an asset that does not exist yet. `creation` has claimed its serial number, and `names` are those of the asset store
        that were searched for. `reserved` is the tag of the asset, if there is one already. Raises like `create`."""
        new = self.settings.new_asset(fields)
        try:
            tag = self._reserved(creation, new.catalog, names, reserved)
        except SerialInFlight:
            raise  # the claim has expired
        except AppError as error:
            self.abandon(creation, error)
            raise
        try:
            asset_id = self.asset_store.create(replace(new, name=tag.tag))
        except NOT_CREATED as error:
            self._release(creation, tag, error)
            raise
        except AppError as error:
            raise self._unknown(creation, tag, error) from error
        with self.transaction() as session:
            now = self.clock()
            bound = tags.bind(session, tag, asset_id=asset_id, name=None, actor=self.actor, now=now)
            creations.mark_created(session, creation, asset_id=asset_id, tag=bound, now=now)
        return CreatedAsset(asset_id, bound.tag, fields.serial_number)

    def abandon(self, creation: Creation, error: AppError) -> None:
        """Frees the serial number of a creation that was not sent."""
        with self.transaction() as session:
            creations.release(session, creation, problem=error.message, now=self.clock())

    def prefix(self, session: Session, fields: NewAssetFields) -> str:
        """That of the asset's catalog."""
        return prefix_for(session, self.settings.new_asset(fields).catalog, self.settings.prefix)

    def _claimed(self, fields: NewAssetFields, item_id: int | None) -> tuple[Creation, list[TagName]]:
        """The creation that has claimed the serial number, and the names that it may get."""
        deadline = time.monotonic() + RIVAL_TIMEOUT
        while True:
            with self.transaction() as session:
                creation = creations.claim(session, fields, actor=self.actor, now=self.clock(), item_id=item_id)
                upcoming = allocation.upcoming(session, self.prefix(session, fields), 1) if creation else []
            if creation is not None:
                return creation, upcoming
            with self.reading() as session:
                rival = creations.open_creation(session, fields.serial_number)
            if rival is not None:
                with self._waiting_slot() as has_slot:
                    self._wait_for(rival.id, fields.serial_number, deadline if has_slot else time.monotonic())

    @contextmanager
    def _waiting_slot(self) -> Iterator[bool]:
        """Whether one was free."""
        has_slot = self.waiting_slots is None or self.waiting_slots.acquire(blocking=False)
        try:
            yield has_slot
        finally:
            if has_slot and self.waiting_slots is not None:
                self.waiting_slots.release()

    def _wait_for(self, rival_id: int, serial: str, deadline: float) -> None:
        """Returns once the other creation has failed. Raises SerialTaken if it has not, SerialInFlight if that takes too long."""
        while True:
            rival = self._read(rival_id)
            if rival.state == CreationState.UNKNOWN:
                recovery.recover(self.transaction, self.reading, self.asset_store, [rival], actor=self.actor, now=self.clock())
                rival = self._read(rival_id)
            if rival.state == CreationState.CREATED:
                raise serial_taken(serial, rival.asset_id)
            if rival.state == CreationState.FAILED:
                return
            if rival.state == CreationState.UNKNOWN:
                raise _in_flight(
                    _(
                        "Request Tracker did not answer, so it is unknown whether the asset with serial number %(serial)s was created. "
                        "This is being checked. Try again in a few minutes; no duplicate will be created.",
                        serial=serial,
                    )
                )
            if time.monotonic() >= deadline:
                raise _in_flight(
                    _(
                        "Another request is creating an asset with serial number %(serial)s. Try again in a few seconds.",
                        serial=serial,
                    )
                )
            time.sleep(POLL_INTERVAL)

    def _read(self, creation_id: int) -> Creation:
        with self.reading() as session:
            return session.get_one(Creation, creation_id)

    def _reserved(self, creation: Creation, catalog: str, names: CheckedNames, reserved: Tag | None) -> Tag:
        def reserve(names: CheckedNames) -> Tag:
            with self.transaction() as session:
                now = self.clock()
                tag = tags.renew_reservation(session, reserved, now=now) if reserved else None
                if tag is None:
                    prefix = prefix_for(session, catalog, self.settings.prefix)
                    tag = tags.reserve(session, prefix, actor=self.actor, now=now, names=names)
                if not creations.mark_sent(session, creation, tag, now=now):  # the error rolls the reservation back
                    raise _in_flight(
                        _(
                            "The search for serial number %(serial)s took too long. Nothing was created; try again.",
                            serial=creation.serial,
                        )
                    )
                return tag

        return with_checked_names(self.asset_store, reserve, names=names)

    def _release(self, creation: Creation, tag: Tag, error: AppError) -> None:
        with self.transaction() as session:
            now = self.clock()
            tags.cancel_reservation(session, tag, actor=self.actor, now=now, reason=error.message)
            creations.mark_failed(session, creation, problem=error.message, now=now)

    def _unknown(self, creation: Creation, tag: Tag, error: AppError) -> CreationUnknown:
        message = _(
            "%(problem)s Checking whether the asset was created; until then, %(tag)s and serial number %(serial)s stay reserved. "
            "Try again in a minute; no duplicate will be created.",
            problem=error.message,
            tag=tag.tag,
            serial=creation.serial,
        )
        with self.transaction() as session:
            creations.mark_unknown(session, creation, problem=error.message, now=self.clock())
        return CreationUnknown(message, retry=True)


def _in_flight(message: str) -> SerialInFlight:
    return SerialInFlight(message, field="serial_number", retry=True)
