"""The sweep: assets of chosen catalogs whose name is no tag are found and tagged, for a call of the webhook may be missed.

Names that begin like a tag and are none (`W12-7`, `w12-0005`) are left alone: those are for a person to decide.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.service import Asset, AssetStore
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Reading, Transaction, after_commit
from request_tracker_utils.tags import sequence, service, tagging
from request_tracker_utils.tags.errors import NotTried
from request_tracker_utils.tags.models import Sweep
from request_tracker_utils.tags.names import SWEEP_UNTAGGED
from request_tracker_utils.tasks.models import Task
from request_tracker_utils.tasks.service import open_task

_ROW = 1
TRY = "try-sweep"


def state(session: Session) -> Sweep | None:
    """How the sweep is set; None before anybody has set it."""
    return session.get(Sweep, _ROW)


def choose(session: Session, catalogs: Iterable[str], *, actor: Actor, now: datetime) -> Sweep:
    """Sets the catalogs. Others than before have to be tried dry again before the sweep is switched on."""
    sweep = session.get(Sweep, _ROW, with_for_update=True)
    wanted = sorted(set(catalogs))
    if sweep is None:
        sweep = Sweep(id=_ROW, is_on=False, catalogs=[], changed_by=actor.name, changed_at=now)
        session.add(sweep)
    if wanted != sweep.catalogs:
        sweep.is_on, sweep.catalogs, sweep.tried_at, sweep.found, sweep.problem = False, wanted, None, None, None
        sweep.changed_by, sweep.changed_at = actor.name, now
    return sweep


def switch(session: Session, *, on: bool, actor: Actor, now: datetime) -> Sweep:
    """Raises NotTried unless the chosen catalogs have been tried dry."""
    sweep = session.get(Sweep, _ROW, with_for_update=True)
    if sweep is None or (on and sweep.tried_at is None):
        raise NotTried("Choose catalogs and try the sweep dry first: it then shows which assets it would tag.")
    sweep.is_on, sweep.changed_by, sweep.changed_at = on, actor.name, now
    if on:
        after_commit(session, SWEEP_UNTAGGED)
    return sweep


def find(
    reading: Reading, asset_store: AssetStore, *, catalogs: Iterable[str], text: str = "", brief: bool = False
) -> Iterator[list[Asset]]:
    """Assets that have no tag, by chunks: neither a name that begins like one, nor a tag in our own books. See Directory for `brief`."""
    with reading() as session:
        prefixes = sequence.prefixes(session)
    for assets in asset_store.without_prefix(prefixes, catalogs=catalogs, text=text, brief=brief):
        with reading() as session:
            known = service.tags_of_assets(session, [asset.id for asset in assets])
        yield [asset for asset in assets if asset.id not in known]


def vanished(asset_store: AssetStore, catalogs: Iterable[str]) -> list[str]:
    """Those of the catalogs that the directory does not have, or hides from us."""
    return sorted(set(catalogs) - set(asset_store.catalogs()))


def note_look(session: Session, *, found: int, missing: list[str], catalogs: list[str], now: datetime, dry: bool) -> None:
    """Writes down what a look at these catalogs found, unless others have been chosen since."""
    sweep = session.get(Sweep, _ROW, with_for_update=True)
    if sweep is None or sweep.catalogs != catalogs:
        return
    sweep.found, sweep.looked_at = found, now
    sweep.problem = f"The directory has no catalog {', '.join(missing)}. Choose the catalogs anew."[:500] if missing else None
    if dry:
        sweep.tried_at = now


def sweep(transaction: Transaction, reading: Reading, asset_store: AssetStore, *, actor: Actor, now: datetime) -> Task | None:
    """Finds what is to be tagged and starts the task that tags it, at most `tagging.MOST_ASSETS` at a time.

    Returns None when the sweep is off, when an earlier task still goes on, or when there is nothing to tag.
    """
    with reading() as session:
        setting = state(session)
        if setting is None or not setting.is_on or open_task(session, tagging.KIND) is not None:
            return None
        catalogs = list(setting.catalogs)
    missing = vanished(asset_store, catalogs)
    there = [name for name in catalogs if name not in missing]
    found = take(find(reading, asset_store, catalogs=there, brief=True), tagging.MOST_ASSETS)
    with transaction() as session:
        note_look(session, found=len(found), missing=missing, catalogs=catalogs, now=now, dry=False)
        if not found:
            return None
        title = f"Tag {len(found)} {'asset' if len(found) == 1 else 'assets'} that the sweep found"
        return tagging.start_tagging(session, found, title=title, actor=actor, now=now)


def take(chunks: Iterator[list[Asset]], most: int) -> list[Asset]:
    """The first so many assets."""
    taken: list[Asset] = []
    for chunk in chunks:
        taken += chunk
        if len(taken) >= most:
            break
    return taken[:most]
