"""Scans of labels: which asset a scanned code belongs to, and the record that its label was scanned."""

from dataclasses import dataclass
from datetime import datetime

from request_tracker_utils.asset_store.addresses import asset_id_at, host_of
from request_tracker_utils.asset_store.service import AssetNotFound, AssetStore
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import Transaction
from request_tracker_utils.core.keyboard_layouts import other_keyboard_language
from request_tracker_utils.core.scanned_text import SOFT_HYPHEN, readings
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.labels import print_history
from request_tracker_utils.labels.errors import NotALabel
from request_tracker_utils.labels.service import TagLookup

MAX_SCAN_LENGTH = 500
"""Characters. Our labels contain fewer."""

_MAX_SHOWN = 60


@dataclass(frozen=True)
class ScannedLabel:
    """The asset, and what its label says: its tag, or the name that was printed."""

    asset_id: int
    name: str


def record_scan(
    transaction: Transaction, asset_store: AssetStore, tags: TagLookup, *, text: str, own_address: str, actor: Actor, now: datetime
) -> ScannedLabel:
    """Marks the scanned label as scanned. `own_address` is the public URL of this program.

    Asks the asset store only about an asset that has no tag and no label in the print history. Raises NotALabel and the errors of the
    asset store, after which nothing is recorded.
    """
    code = "".join(character for character in text.replace(SOFT_HYPHEN, "-") if character.isprintable()).strip()
    asset_id = _identify_asset(asset_store, tags, code, own_address)
    tag = tags.tags_by_asset([asset_id]).get(asset_id, "")
    with transaction() as session:
        printed = print_history.mark_scanned(session, asset_id, actor=actor, now=now)
        if printed is None and tag:
            print_history.add_scanned_label(session, asset_id, tag, actor=actor, now=now)
    if tag or printed is not None:
        return ScannedLabel(asset_id, tag or printed or f"#{asset_id}")
    try:
        name = asset_store.get(asset_id).name.strip()
    except AssetNotFound:
        raise NotALabel(
            _("The code is the address of asset #%(id)s, which does not exist. Search for the asset, and print a new label.", id=asset_id)
        ) from None
    with transaction() as session:
        print_history.add_scanned_label(session, asset_id, name, actor=actor, now=now)
    return ScannedLabel(asset_id, name or f"#{asset_id}")


def asset_id_from_url(asset_store: AssetStore, url: str, own_address: str) -> int:
    """The ID of the asset in the URL of its page, in Request Tracker or here. Does not ask the asset store. Raises NotALabel."""
    asset_id = asset_id_at(asset_store, url, own_address)
    if asset_id is not None:
        return asset_id
    host = host_of(url)
    if host in {host_of(page) for page in (asset_store.page_address(1), own_address)}:
        raise NotALabel(_("The code is an address on %(host)s, but not that of an asset. Scan one of our labels.", host=_shorten(host)))
    if not host:
        raise NotALabel(_("The code is an address, but not that of an asset. Scan one of our labels."))
    raise NotALabel(_("The code is an address on %(host)s, not one of our labels. Scan the label of an asset.", host=_shorten(host)))


def _identify_asset(asset_store: AssetStore, tags: TagLookup, code: str, own_address: str) -> int:
    """Raises NotALabel."""
    if not code:
        raise NotALabel(_("The scan is empty. Scan a label."))
    if len(code) > MAX_SCAN_LENGTH:
        raise NotALabel(
            _("The code has %(count)s characters, more than any of our labels. Scan one of our labels.", count=f"{len(code):,}")
        )
    meant = readings(code)
    if "://" in code:
        return asset_id_from_url(asset_store, meant[-1], own_address)
    assets = tags.assets_by_tag(meant)
    asset_id = next((assets[each] for each in meant if each in assets), None)
    if asset_id is None:
        raise _not_a_label(tags, code, meant)
    return asset_id


def _not_a_label(tags: TagLookup, code: str, meant: list[str]) -> NotALabel:
    """Why the code, which may mean any of these texts, belongs to no asset."""
    tag = next(filter(None, map(tags.canonical_tag, meant)), None)
    if tag is not None:
        return NotALabel(_("No asset has the tag %(tag)s. Look it up under Tags, or print a new label.", tag=tag))
    if tag := next(filter(None, map(tags.tag_behind_layout, meant)), None):
        return NotALabel(other_keyboard_language(_shorten(code), tag))
    message = _(
        "“%(code)s” is not a tag. If you scanned the manufacturer’s barcode, scan our label instead.",
        code=_shorten(code),
    )
    return NotALabel(message)


def _shorten(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
