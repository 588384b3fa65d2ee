"""Creating assets: each serial number once, each under the next tag, whatever happens in between.

Hold the serial number, look whether the directory has it, reserve a tag, tell the directory, bind the tag: each step is a row that says
how far it came. `settling` ends what a silent directory or a killed process has left open.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Semaphore

from request_tracker_utils.asset_store.service import (
    AssetStore,
    AssetStoreBusy,
    AssetStoreInvalid,
    AssetStoreRefused,
    SerialTaken,
    serial_taken,
)
from request_tracker_utils.assets import claims, recovery
from request_tracker_utils.assets.errors import CreationUnknown, SerialInFlight
from request_tracker_utils.assets.fields import Wanted
from request_tracker_utils.assets.models import Creation, CreationState
from request_tracker_utils.assets.rules import Rules
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import Reading, Transaction
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.tags import service as tags
from request_tracker_utils.tags.models import Tag
from request_tracker_utils.tags.prefixes import prefix_for

PATIENCE = 5.0
"""Seconds for which the later of two who create the same serial number waits for the first one's asset."""
LOOKS_EVERY = 0.1
NOT_CREATED = (AssetStoreInvalid, AssetStoreRefused, AssetStoreBusy, SerialTaken)
"""After these the directory has no such asset. After anything else it may."""


@dataclass(frozen=True)
class Created:
    """`serial` is spelt as it was sent."""

    asset_id: int
    tag: str
    serial: str


@dataclass(frozen=True)
class Creator:
    """Creates assets in a directory by the rules of this installation, for somebody.

    `waiters` bounds how many of this process wait for somebody else's creation at once: each holds a thread, and Request Tracker needs one
    for its webhook before it answers any creation. Who finds no place is told so at once.
    """

    transaction: Transaction
    reading: Reading
    asset_store: AssetStore
    rules: Rules
    actor: Actor
    clock: Callable[[], datetime] = utc_now
    waiters: Semaphore | None = None

    def create(self, wanted: Wanted, *, item_id: int | None = None) -> Created:
        """Creates the asset under the next tag of its catalog. With two requests to the directory when nothing is in the way.

        Raises SerialTaken (with the holder's `asset_id`); SerialInFlight; SequenceNotReady and SequenceExhausted; DirectoryInvalid,
        DirectoryRefused and DirectoryBusy, and then serial number and tag are free again; CreationUnknown, and then both are kept until it
        is known whether the asset exists; what else the directory raises when it is searched, and then nothing was sent.
        """
        mine = self._claimed(wanted, item_id)
        try:
            twins = self.asset_store.find_by_serial(wanted.serial_number)
            if twins:
                raise serial_taken(wanted.serial_number, twins[0].id)
        except AppError as error:
            self.abandon(mine, error)
            raise
        return self.send(mine, wanted)

    def send(self, mine: Creation, wanted: Wanted) -> Created:
        """Creates the asset whose serial number is held by `mine` and was looked for in vain. Raises like `create`."""
        new = self.rules.new_asset(wanted)
        try:
            tag = self._reserved(mine, new.catalog)
        except SerialInFlight:
            raise  # it is not ours any more
        except AppError as error:
            self.abandon(mine, error)
            raise
        try:
            asset_id = self.asset_store.create(replace(new, name=tag.tag))
        except NOT_CREATED as error:
            self._take_back(mine, tag, error)
            raise
        except AppError as error:
            raise self._not_known(mine, tag, error) from error
        with self.transaction() as session:
            now = self.clock()
            bound = tags.bind(session, tag, asset_id=asset_id, name=None, actor=self.actor, now=now)
            claims.note_created(session, mine, asset_id=asset_id, tag=bound, now=now)
        return Created(asset_id, bound.tag, wanted.serial_number)

    def abandon(self, mine: Creation, error: AppError) -> None:
        """Frees the serial number, of which nothing was sent."""
        with self.transaction() as session:
            claims.let_go(session, mine, problem=error.message, now=self.clock())

    def _claimed(self, wanted: Wanted, item_id: int | None) -> Creation:
        deadline = time.monotonic() + PATIENCE
        while True:
            with self.transaction() as session:
                mine = claims.claim(session, wanted, actor=self.actor, now=self.clock(), item_id=item_id)
            if mine is not None:
                return mine
            with self.reading() as session:
                rival = claims.holder(session, wanted.serial_number)
            if rival is not None:
                with self._place_to_wait() as found:
                    self._wait_for(rival.id, wanted.serial_number, deadline if found else time.monotonic())

    @contextmanager
    def _place_to_wait(self) -> Iterator[bool]:
        """Whether there is one."""
        found = self.waiters is None or self.waiters.acquire(blocking=False)
        try:
            yield found
        finally:
            if found and self.waiters is not None:
                self.waiters.release()

    def _wait_for(self, rival_id: int, serial: str, deadline: float) -> None:
        """Returns when the other creation has failed. Raises SerialTaken when it has not, SerialInFlight when that takes too long."""
        while True:
            rival = self._look_up(rival_id)
            if rival.state == CreationState.UNKNOWN:
                recovery.look(self.transaction, self.reading, self.asset_store, [rival], actor=self.actor, now=self.clock())
                rival = self._look_up(rival_id)
            if rival.state == CreationState.CREATED:
                raise serial_taken(serial, rival.asset_id)
            if rival.state == CreationState.FAILED:
                return
            if rival.state == CreationState.UNKNOWN:
                raise SerialInFlight(
                    f"It is not known yet whether the asset with serial number {serial} was created: the directory did not answer. "
                    "It is being found out. Try again in a few minutes; there will be no second one.",
                    field="serial_number",
                    retry=True,
                )
            if time.monotonic() >= deadline:
                raise SerialInFlight(
                    f"An asset with serial number {serial} is being created at this moment. Try again in a few seconds.",
                    field="serial_number",
                    retry=True,
                )
            time.sleep(LOOKS_EVERY)

    def _look_up(self, creation_id: int) -> Creation:
        with self.reading() as session:
            return session.get_one(Creation, creation_id)

    def _reserved(self, mine: Creation, catalog: str) -> Tag:
        with self.transaction() as session:
            now = self.clock()
            tag = tags.reserve(session, prefix_for(session, catalog, self.rules.prefix), actor=self.actor, now=now)
            if not claims.note_sent(session, mine, tag, now=now):  # leaving by an error takes the reservation back
                message = f"Looking for serial number {mine.serial} took too long. Nothing was created; try again."
                raise SerialInFlight(message, field="serial_number", retry=True)
            return tag

    def _take_back(self, mine: Creation, tag: Tag, error: AppError) -> None:
        with self.transaction() as session:
            now = self.clock()
            tags.cancel_reservation(session, tag, actor=self.actor, now=now, reason=error.message)
            claims.note_failed(session, mine, problem=error.message, now=now)

    def _not_known(self, mine: Creation, tag: Tag, error: AppError) -> CreationUnknown:
        message = (
            f"{error.message} Whether the asset was created is being found out; {tag.tag} and serial number {mine.serial} are kept for it "
            "until then. Try again in a minute: there will be no second one."
        )
        with self.transaction() as session:
            claims.note_unknown(session, mine, problem=error.message, now=self.clock())
        return CreationUnknown(message, retry=True)
