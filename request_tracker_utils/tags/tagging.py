"""Tags existing assets: one, many in a task, or, with the sweep, all for which the webhook call was missed.

The sweep skips names that begin like a tag but are not valid tags (`W12-7`, `w12-0005`). A person resolves them under Differences.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.addresses import find_by_address
from request_tracker_utils.asset_store.service import Asset, AssetNotFound, AssetStore
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Reading, Transaction, after_commit
from request_tracker_utils.core.scanned_text import readings, serial_readings
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.tags import lookup, sequence, service
from request_tracker_utils.tags.allocation import CheckedNames, NameSearch
from request_tracker_utils.tags.errors import SweepNotPreviewed
from request_tracker_utils.tags.models import Sweep, Tag, TagState
from request_tracker_utils.tags.prefixes import prefix_for
from request_tracker_utils.tasks.models import Task
from request_tracker_utils.tasks.service import NewItem, open_task, start

TAG_ASSETS, PREVIEW_SWEEP = "tag-assets", "try-sweep"
"""Kinds of tasks."""
SWEEP_UNTAGGED = "sweep-untagged"
"""The job that runs the sweep."""
MAX_ASSETS = 5_000
"""The most assets that one task tags, which is also the limit for printing."""
_ROW = 1


def tag_asset(
    transaction: Transaction,
    asset_store: AssetStore,
    asset: Asset,
    *,
    prefix: str,
    actor: Actor,
    now: datetime,
    names: NameSearch | None = None,
) -> Tag:
    """Assigns a tag to the asset, as it was just read, and renames it. An existing tag does not change.

    `prefix` is the default for catalogs without a prefix of their own. `names` is shared by the assets of a task.

    Raises SequenceNotReady; AssetNotFound, after which the tag is free again; what else the asset store raises, after which a job retries.
    """

    def assign(checked: CheckedNames) -> Tag | None:
        call: dict[str, Any] = {"asset_id": asset.id, "asset_name": asset.name, "catalog": asset.catalog, "prefix": prefix}
        return service.on_asset_created(transaction, **call, now=now, actor=actor, names=checked)

    tag = (names or NameSearch(asset_store)).run(assign)
    if tag is None:
        with transaction() as session:
            raise sequence.not_ready(prefix_for(session, asset.catalog, prefix))
    try:
        old_name = asset.name if asset.name == tag.tag else asset_store.rename(asset.id, tag.tag, old_name=asset.name)
    except AssetNotFound as error:
        with transaction() as session:
            _release_unconfirmed(session, tag, reason=error.message, actor=actor, now=now)
        raise
    with transaction() as session:
        current = session.get_one(Tag, tag.id)
        if current.confirmed_at is None and current.asset_id == asset.id:
            service.mark_confirmed(session, current, action="renamed", actor=actor, now=now, old_name=old_name)
        return current


def start_tagging(session: Session, assets: Iterable[Asset], *, title: str, actor: Actor, now: datetime) -> Task:
    """Creates the task that tags these assets."""
    items = [NewItem(item_label(asset), item_data(asset)) for asset in assets]
    return start(session, TAG_ASSETS, title=title, actor=actor, now=now, items=items)


def item_label(asset: Asset) -> str:
    """How people recognize an asset without a tag."""
    model = f"{asset.manufacturer} {asset.model}".strip()
    return f"#{asset.id} " + ", ".join(filter(None, (asset.name or _("no name"), model, asset.serial)))


def item_data(asset: Asset) -> dict[str, Any]:
    return {"asset_id": asset.id, "name": asset.name, "catalog": asset.catalog}


def asset_from_item(data: dict[str, Any]) -> Asset:
    """The asset as it was read when the task was created."""
    return Asset(data["asset_id"], data["name"], catalog=data["catalog"])


def find_untagged(
    reading: Reading, asset_store: AssetStore, *, catalogs: Iterable[str], text: str = "", brief: bool = False
) -> Iterator[list[Asset]]:
    """Assets without a tag, in chunks: the name does not begin like a tag, and the asset has no tag here. See AssetStore for `brief`."""
    with reading() as session:
        prefixes = sequence.prefixes(session)
    for assets in asset_store.without_prefix(prefixes, catalogs=catalogs, text=text, brief=brief):
        with reading() as session:
            tagged = lookup.tags_of_assets(session, [asset.id for asset in assets])
        yield [asset for asset in assets if asset.id not in tagged]


def search_untagged(reading: Reading, asset_store: AssetStore, *, catalog: str, text: str, most: int, own_address: str) -> list[Asset]:
    """The first assets without a tag in the catalog. If none matches the text as it is, it is searched for as a scanned code: with hyphens,
    without a symbology prefix, or as a whole serial number after a manufacturer's prefix. The address of an asset, as in
    the QR code of its label, finds that asset; `own_address` is the public URL of this program."""
    named = find_by_address(asset_store, text, own_address, catalog=catalog)
    if named is not None:
        return _untagged(reading, named)

    def search(each: str) -> list[Asset]:
        return take(find_untagged(reading, asset_store, catalogs=[catalog], text=each), most)

    for each in readings(text):
        if found := search(each):
            return found
    for serial in serial_readings(text):
        if found := [asset for asset in search(serial) if asset.has_serial(serial)]:
            return found
    return []


def _untagged(reading: Reading, assets: list[Asset]) -> list[Asset]:
    """Those that `find_untagged` lists, too."""
    with reading() as session:
        begins = tuple(prefix.lower() for prefix in sequence.prefixes(session))
        tagged = lookup.tags_of_assets(session, [asset.id for asset in assets])
    return [asset for asset in assets if not (asset.id in tagged or asset.is_deleted or asset.name.lower().startswith(begins))]


def take(chunks: Iterator[list[Asset]], most: int) -> list[Asset]:
    """The first `most` assets."""
    taken: list[Asset] = []
    for chunk in chunks:
        taken += chunk
        if len(taken) >= most:
            break
    return taken[:most]


def sweep_settings(session: Session) -> Sweep | None:
    """None before the first change."""
    return session.get(Sweep, _ROW)


def set_sweep_catalogs(session: Session, catalogs: Iterable[str], *, actor: Actor, now: datetime) -> Sweep:
    """Other catalogs than before have to be previewed before the sweep can be turned on."""
    sweep = session.get(Sweep, _ROW, with_for_update=True)
    selected = sorted(set(catalogs))
    if sweep is None:
        sweep = Sweep(id=_ROW, is_on=False, catalogs=[], changed_by=actor.name, changed_at=now)
        session.add(sweep)
    if selected != sweep.catalogs:
        sweep.is_on, sweep.catalogs, sweep.tried_at, sweep.found, sweep.problem = False, selected, None, None, None
        sweep.changed_by, sweep.changed_at = actor.name, now
    return sweep


def turn_sweep(session: Session, *, on: bool, actor: Actor, now: datetime) -> Sweep:
    """Raises SweepNotPreviewed unless the selected catalogs have been previewed."""
    sweep = previewed_sweep(session) if on else session.get(Sweep, _ROW, with_for_update=True)
    if sweep is None:
        raise not_previewed()
    sweep.is_on, sweep.changed_by, sweep.changed_at = on, actor.name, now
    if on:
        after_commit(session, SWEEP_UNTAGGED)
    return sweep


def previewed_sweep(session: Session) -> Sweep:
    """The settings, locked. Raises SweepNotPreviewed."""
    sweep = session.get(Sweep, _ROW, with_for_update=True)
    if sweep is None or sweep.tried_at is None:
        raise not_previewed()
    return sweep


def not_previewed() -> SweepNotPreviewed:
    return SweepNotPreviewed(_("Select catalogs and preview the sweep first. The preview shows which assets it would tag."))


def missing_catalogs(asset_store: AssetStore, catalogs: Iterable[str]) -> list[str]:
    """The catalogs that the asset store does not have, or does not show to us."""
    return sorted(set(catalogs) - set(asset_store.catalogs()))


def record_scan(session: Session, *, found: int, missing: list[str], catalogs: list[str], now: datetime, is_preview: bool) -> None:
    """Stores what a scan of these catalogs found, unless other catalogs have been selected since."""
    sweep = session.get(Sweep, _ROW, with_for_update=True)
    if sweep is None or sweep.catalogs != catalogs:
        return
    sweep.found, sweep.looked_at = found, now
    sweep.problem = _catalogs_missing(missing)[:500] if missing else None
    if is_preview:
        sweep.tried_at = now


def start_sweep(transaction: Transaction, reading: Reading, asset_store: AssetStore, *, actor: Actor, now: datetime) -> Task | None:
    """Finds untagged assets and creates the task that tags them, at most MAX_ASSETS at a time.

    Returns None if the sweep is off, an earlier task is not finished, or there is nothing to tag.
    """
    with reading() as session:
        settings = sweep_settings(session)
        if settings is None or not settings.is_on or open_task(session, TAG_ASSETS) is not None:
            return None
        catalogs = list(settings.catalogs)
    missing = missing_catalogs(asset_store, catalogs)
    existing = [name for name in catalogs if name not in missing]
    found = take(find_untagged(reading, asset_store, catalogs=existing, brief=True), MAX_ASSETS)
    with transaction() as session:
        record_scan(session, found=len(found), missing=missing, catalogs=catalogs, now=now, is_preview=False)
        if not found:
            return None
        title = ngettext("Tag %(num)s asset found by the sweep", "Tag %(num)s assets found by the sweep", len(found))
        return start_tagging(session, found, title=title, actor=actor, now=now)


def _catalogs_missing(missing: list[str]) -> str:
    return _("These catalogs do not exist: %(catalogs)s. Select the catalogs again.", catalogs=", ".join(missing))


def _release_unconfirmed(session: Session, tag: Tag, *, reason: str, actor: Actor, now: datetime) -> None:
    """Releases the new tag of a missing asset. A job checks confirmed tags; a printed tag is not released."""
    sequence.lock(session, tag.prefix)
    current = session.get_one(Tag, tag.id, with_for_update=True, populate_existing=True)
    if current.state == TagState.ASSIGNED and current.asset_id == tag.asset_id and current.confirmed_at is None and not current.printed_at:
        service.release(session, current, actor=actor, now=now, reason=reason)
