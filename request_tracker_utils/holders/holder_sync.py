"""Afterwards: the directory is told who has which device. A device is due until the directory is known to agree."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from threading import Event

from sqlalchemy import and_, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.service import Asset, AssetNotFound, AssetStore
from request_tracker_utils.core.db import Transaction, affected
from request_tracker_utils.core.errors import AppError, Unavailable
from request_tracker_utils.holders.models import DiscrepancyKind, HolderDiscrepancy
from request_tracker_utils.holders.people import same_user
from request_tracker_utils.reconciliation.models import IGNORED
from request_tracker_utils.students.models import Device, Student
from request_tracker_utils.students.search_keys import key
from request_tracker_utils.students.users import rt_user
from request_tracker_utils.tags import lookup
from request_tracker_utils.tasks.running import InContext

BATCH = 100
WORKERS = 4
"""Assets that are changed at once: Request Tracker has about as many processes, and people want some of them."""
LEASE = timedelta(minutes=5)
"""Until a claimed device may be claimed again: the process that claimed it has died."""
SOON = timedelta(seconds=30)
"""Until the directory is asked again after it did not answer."""
LONGEST_PAUSE = timedelta(hours=1)


@dataclass(frozen=True)
class Due:
    """A device that was claimed: whose it is to be in the directory (a user, or empty for nobody), or why that cannot be said."""

    device_id: int
    asset_tag: str
    lease: datetime
    attempts: int
    linked: int | None
    """The asset that the device is known to be."""
    asset_id: int | None
    """The same, or the one to which the tag was given."""
    user: str
    problem: str | None = None


@dataclass(frozen=True)
class Told:
    """What came of one: the asset that agrees now, or a problem; neither where the directory was silent, or not asked any more. `written`
    says that it was changed, or may have been."""

    due: Due
    asset_id: int | None = None
    problem: str | None = None
    silence: Unavailable | None = None
    written: bool = False


class Teller:
    """`rule` is RT_STUDENT_USER. `in_context` wraps what runs in another thread; `stopping` says that this process ends."""

    def __init__(
        self,
        transaction: Transaction,
        asset_store: AssetStore,
        *,
        rule: str,
        clock: Callable[[], datetime],
        in_context: InContext,
        stopping: Callable[[], bool],
    ) -> None:
        self._transaction, self._asset_store, self._rule = transaction, asset_store, rule
        self._clock, self._in_context, self._stopping = clock, in_context, stopping

    def tell_due(self) -> int:
        """Tells of every device that is due, and returns how many are settled. Raises what the directory raises when it does not answer;
        what was claimed is due again soon then."""
        settled = 0
        while not self._stopping() and (claimed := self._claim()):
            try:
                found = self._find(claimed)
            except Unavailable:
                self._put_back(claimed)
                raise
            except AppError as error:
                for due in claimed:
                    self._postpone(due, error.message)
                raise
            told = self._tell_all(found)
            settled += sum(self._note(each) for each in told)
            silent = next((each.silence for each in told if each.silence), None)
            if silent is not None:
                raise silent
        return settled

    def _claim(self) -> list[Due]:
        now = self._clock()
        with self._transaction() as session:
            query = select(Device).where(Device.rt_due_at <= now).order_by(Device.rt_due_at).limit(BATCH)
            devices = list(session.scalars(query.with_for_update(skip_locked=True)))
            lease = {"rt_due_at": now + LEASE, "rt_attempts": Device.rt_attempts + 1}
            ids = [device.id for device in devices]
            session.execute(update(Device).where(Device.id.in_(ids)).values(lease).execution_options(synchronize_session=False))
            students = _holders(session, devices)
            tagged = lookup.with_assets(session, [device.asset_tag for device in devices if device.asset_id is None])
            links = {device.id: device.asset_id or _asset_of(tagged.get(device.asset_tag)) for device in devices}
            return [
                Due(
                    device.id,
                    device.asset_tag,
                    now + LEASE,
                    device.rt_attempts + 1,
                    device.asset_id,
                    links[device.id],
                    *self._whose(device, students),
                )
                for device in devices
            ]

    def _whose(self, device: Device, students: dict[str, Student]) -> tuple[str, str | None]:
        if device.current_student_id is None:
            return "", None
        student = students[device.current_student_id]
        user = rt_user(student, self._rule)
        if user:
            return user, None
        return "", f"{student.name} ({student.student_id}) has no e-mail address, which is the user’s name. Enter it, or the user itself."

    def _find(self, claimed: Sequence[Due]) -> list[tuple[Due, Asset | str]]:
        """Each with its asset, or with why there is none: with one request for a hundred whose number is known, and one for the others."""
        linked = [due.asset_id for due in claimed if due.asset_id is not None]
        assets = {asset.id: asset for chunk in self._asset_store.get_many(linked) for asset in chunk} if linked else {}
        nameless = [due.asset_tag for due in claimed if due.asset_id is None]
        named = self._asset_store.find_by_names(nameless) if nameless else []
        by_name: dict[str, list[Asset]] = {}
        for asset in named:
            by_name.setdefault(asset.name, []).append(asset)
        found = [(due, self._one(due, assets, by_name.get(due.asset_tag, []))) for due in claimed]
        with self._transaction() as session:
            taken = _linked_to(session, [asset.id for _, asset in found if isinstance(asset, Asset)])
            left = _left_as_named(session, [due.asset_tag for due in claimed])
        return [(due, _fit(due, asset, taken, left)) for due, asset in found]

    def _one(self, due: Due, assets: dict[int, Asset], named: Sequence[Asset]) -> Asset | str:
        if due.asset_id is not None:
            gone = f"Asset #{due.asset_id} of {due.asset_tag} is not in the directory, or is deleted there. Settle it under Differences."
            return assets.get(due.asset_id) or gone
        if len(named) > 1:
            numbers = ", ".join(f"#{asset.id}" for asset in named)
            return f"Several assets are called {due.asset_tag}: {numbers}. Rename all but one."
        return named[0] if named else f"No asset is called {due.asset_tag}. Create it, or name its number at the device."

    def _tell_all(self, found: Sequence[tuple[Due, Asset | str]]) -> list[Told]:
        silent = Event()
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="tell-holders") as pool:
            return list(pool.map(self._in_context(partial(self._tell, silent)), found))

    def _tell(self, silent: Event, pair: tuple[Due, Asset | str]) -> Told:
        """`silent` is set once the directory did not answer: nobody asks it again then."""
        due, asset = pair
        if due.problem is not None or isinstance(asset, str):
            return Told(due, problem=due.problem or str(asset))
        if _is_whole(asset, due.user):
            return Told(due, asset.id)
        if silent.is_set() or self._stopping():
            return Told(due)
        try:
            self._asset_store.set_holder(asset.id, due.user)
        except Unavailable as error:
            silent.set()
            return Told(due, silence=error, written=True)
        except AppError as error:
            gone = f"Asset #{asset.id} of {due.asset_tag} was deleted in the directory. Settle it under Differences."
            return Told(due, problem=gone if isinstance(error, AssetNotFound) else error.message, written=True)
        return Told(due, asset.id, written=True)

    def _note(self, told: Told) -> bool:
        """Whether the device is settled."""
        due = told.due
        if told.problem is not None:
            self._postpone(due, told.problem, written=told.written)
        elif told.asset_id is None:
            self._put_back([due], written=told.written)
        else:
            values = {"asset_id": told.asset_id, "rt_due_at": None, "rt_attempts": 0, "rt_problem": None, "rt_synced_at": self._clock()}
            try:
                return self._write(due, values, written=told.written)
            except IntegrityError:
                self._postpone(
                    due, f"Asset #{told.asset_id} belongs to another device too. Correct the number of the asset at one of them."
                )
        return False

    def _postpone(self, due: Due, problem: str, *, written: bool = False) -> None:
        pause = min(LONGEST_PAUSE, timedelta(minutes=3 ** min(due.attempts - 1, 6)))
        self._write(due, {"rt_due_at": self._clock() + pause, "rt_problem": problem[:500]}, written=written)

    def _put_back(self, claimed: Iterable[Due], *, written: bool = False) -> None:
        """Due again soon, as if they had not been tried."""
        for due in claimed:
            self._write(due, {"rt_due_at": self._clock() + SOON, "rt_attempts": due.attempts - 1}, written=written)

    def _write(self, due: Due, values: Mapping[str, object], *, written: bool) -> bool:
        """Whether the device is as it was claimed. Where it is not and the directory was changed, that may be older than what it has heard
        from others since: then it is told once more."""
        same = (Device.rt_due_at == due.lease, Device.rt_attempts == due.attempts, Device.asset_id.is_not_distinct_from(due.linked))
        with self._transaction() as session:
            if affected(session.execute(update(Device).where(Device.id == due.device_id, *same).values(values))):
                return True
            if written:
                again = {"rt_due_at": self._clock(), "rt_attempts": 0}
                session.execute(update(Device).where(Device.id == due.device_id).values(again))
        return False


def waiting(session: Session) -> dict[str, int]:
    """How many devices the directory is to be told of (`waiting`), and of how many that cannot be done (`problems`)."""
    due = session.execute(select(func.count()).where(Device.rt_due_at.is_not(None))).scalar_one()
    problems = session.execute(select(func.count()).where(Device.rt_problem.is_not(None))).scalar_one()
    return {"waiting": due, "problems": problems}


def stumbled(session: Session, *, limit: int) -> list[Device]:
    """Devices of which the directory could not be told."""
    return list(session.scalars(select(Device).where(Device.rt_problem.is_not(None)).order_by(Device.id).limit(limit)))


def try_again(session: Session, *, now: datetime) -> int:
    """Has the directory told at once of all those; returns how many."""
    again = update(Device).where(Device.rt_problem.is_not(None), Device.rt_due_at.is_not(None)).values(rt_due_at=now, rt_attempts=0)
    return affected(session.execute(again))


def _holders(session: Session, devices: Iterable[Device]) -> dict[str, Student]:
    wanted = {device.current_student_id for device in devices if device.current_student_id}
    return {student.student_id: student for student in session.scalars(select(Student).where(Student.student_id.in_(wanted)))}


def _asset_of(tag: object) -> int | None:
    return getattr(tag, "asset_id", None)


def _linked_to(session: Session, asset_ids: Sequence[int]) -> dict[int, tuple[int, str]]:
    """Asset → id and tag of the device that has it."""
    rows = session.execute(select(Device.asset_id, Device.id, Device.asset_tag).where(Device.asset_id.in_(asset_ids)))
    return {int(asset_id or 0): (device_id, tag) for asset_id, device_id, tag in rows}


def _left_as_named(session: Session, tags: Sequence[str]) -> set[tuple[int, str]]:
    """Assets with a name that somebody has left as it is: they are told of all the same."""
    left = and_(HolderDiscrepancy.kind == DiscrepancyKind.RENAMED, HolderDiscrepancy.settlement == IGNORED)
    rows = session.execute(
        select(HolderDiscrepancy.asset_id, HolderDiscrepancy.asset_name).where(left, HolderDiscrepancy.asset_tag.in_(tags))
    )
    return {(asset_id, name) for asset_id, name in rows}


def _fit(due: Due, asset: Asset | str, taken: dict[int, tuple[int, str]], left: set[tuple[int, str]]) -> Asset | str:
    """The asset, unless it is another device's, or has become another one."""
    if isinstance(asset, str):
        return asset
    owner = taken.get(asset.id)
    if owner is not None and owner[0] != due.device_id:
        return f"Asset #{asset.id} belongs to {owner[1]} here. Correct the number of the asset at one of the two devices."
    if key(asset.name) != key(due.asset_tag) and (asset.id, asset.name[:500]) not in left:
        return f"Asset #{asset.id} is called “{asset.name}” now, and not {due.asset_tag}. Settle it under Differences."
    return asset


def _is_whole(asset: Asset, user: str) -> bool:
    """Whether it is the user's already, and nobody else's: held and owned."""
    return same_user(asset.holder, user) and same_user(asset.owner, user)
