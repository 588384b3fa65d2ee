"""The selection of labels to print: a pasted list, checked assets and a range of tags, resolved to asset IDs."""

import re
from collections import defaultdict
from dataclasses import dataclass, field

from request_tracker_utils.asset_store.addresses import asset_id_at
from request_tracker_utils.asset_store.service import LARGEST_ID, AssetStore
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.keyboard_layouts import other_keyboard_language
from request_tracker_utils.core.scanned_text import join_named_serials, readings, serial_readings
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.labels import service
from request_tracker_utils.labels.service import TagLookup

MAX_ENTRIES = 10_000
MAX_ENTRY_LENGTH = 255
"""Characters; no tag and no serial number is longer."""
_LAYOUTS_TRIED = 20
"""Unknown entries that may be tags in another keyboard language: if the scanner has another one, all are."""

# Some scanners send control characters between codes.
_SEPARATORS = re.compile(r"[\s,;\x00-\x1f\x7f-\x9f]+")
_INVISIBLE = re.compile(r"[\u200b-\u200f\u2060\ufeff]")
_ASSET_ID = re.compile(r"#?([0-9]{1,12})")


@dataclass(frozen=True)
class SelectionInput:
    """The form's fields. `checked` are IDs of assets that are known to exist."""

    lines: str = ""
    first: str = ""
    last: str = ""
    checked: list[int] = field(default_factory=list)


@dataclass
class Selection:
    """The selected assets, each once, in the order of the input, and what to show before printing."""

    asset_ids: list[int] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    """Entries that are no tag, serial number, asset ID or address of an asset."""
    keyboard_problem: str = ""
    """Why the first of them is unknown, if the scanner has another keyboard language."""
    repeated: list[str] = field(default_factory=list)
    """Entries whose asset was selected before."""
    shared_serials: dict[str, int] = field(default_factory=dict)
    """Serial numbers that several assets have, with how many; all of those assets are selected."""
    unassigned_tags: list[str] = field(default_factory=list)
    """Tags of the range that no asset has."""

    @property
    def has_warnings(self) -> bool:
        return bool(self.unknown or self.repeated or self.shared_serials or self.unassigned_tags)


def select_assets(asset_store: AssetStore, tags: TagLookup, chosen: SelectionInput, *, own_address: str) -> Selection:
    """Asks the asset store only about entries that are not tags: once per two hundred serial numbers, and once per hundred asset IDs.

    `own_address` is the public URL of this program. Raises Invalid with `field` set to `lines`, `first` or `last`, and the errors of the
    asset store.
    """
    selection, entries = Selection(), parse_entries(chosen.lines)
    tag_range = tags.tag_range(chosen.first, chosen.last, limit=service.MAX_LABELS) if chosen.first or chosen.last else None
    assets = _resolve_entries(asset_store, tags, list(dict.fromkeys(entries)), own_address)
    selected: dict[int, None] = {}
    for entry in entries:
        found = assets.get(entry, [])
        if not found:
            selection.unknown.append(entry)
        elif all(asset_id in selected for asset_id in found):
            selection.repeated.append(entry)
        elif len(found) > 1:
            selection.shared_serials[entry] = len(found)
        selected |= dict.fromkeys(found)
    selection.keyboard_problem = _keyboard_problem(tags, selection.unknown[:_LAYOUTS_TRIED])
    selected |= dict.fromkeys(chosen.checked)
    if tag_range is not None:
        selected |= dict.fromkeys(tag_range.asset_ids)
        selection.unassigned_tags = tag_range.unassigned
    selection.asset_ids = list(selected)
    if not selected and not selection.has_warnings:
        raise Invalid(_("Select labels to print: paste a list, select assets, or enter a range of tags."), field="lines")
    check_label_count(len(selected))
    return selection


def check_label_count(count: int) -> None:
    """Raises Invalid for more labels than a browser can print."""
    if count > service.MAX_LABELS:
        message = _(
            "You selected %(count)s assets, and at most %(maximum)s labels can be printed at once. Print them in several batches.",
            count=f"{count:,}",
            maximum=f"{service.MAX_LABELS:,}",
        )
        raise Invalid(message)


def parse_entries(text: str) -> list[str]:
    """The entries of a pasted list, separated by whitespace, commas or semicolons. Raises Invalid for more than MAX_ENTRIES."""
    entries = [entry for entry in _SEPARATORS.split(join_named_serials(_INVISIBLE.sub("", text))) if entry]
    if len(entries) > MAX_ENTRIES:
        message = _(
            "The list has %(count)s entries, and at most %(maximum)s are allowed. Split the list.",
            count=f"{len(entries):,}",
            maximum=f"{MAX_ENTRIES:,}",
        )
        raise Invalid(message, field="lines")
    return entries


def parse_asset_id(entry: str) -> int | None:
    """The asset ID in `#123` or `123`; None for anything else."""
    digits = _ASSET_ID.fullmatch(entry)
    number = int(digits.group(1)) if digits else 0
    return number if 0 < number <= LARGEST_ID else None


def _may_be_serial(entry: str) -> bool:
    return not entry.startswith("#") and len(entry) <= MAX_ENTRY_LENGTH


def _resolve_entries(asset_store: AssetStore, tags: TagLookup, entries: list[str], own_address: str) -> dict[str, list[int]]:
    """Entry → IDs of its assets: the one that an address names, or else as it is, or else as a scanned code."""
    addresses = {entry: number for entry in entries if (number := asset_id_at(asset_store, entry, own_address)) is not None}
    existing = _existing_ids(asset_store, tags, list(dict.fromkeys(addresses.values())))
    entries = [entry for entry in entries if entry not in addresses]
    found = {entry: [number] for entry, number in addresses.items() if number in existing}
    found |= _resolve_literally(asset_store, tags, entries)
    meant = {entry: readings(entry)[1:] for entry in entries if entry not in found}
    known = _resolve_literally(asset_store, tags, list(dict.fromkeys(each for texts in meant.values() for each in texts)))
    found |= {entry: known[each] for entry, texts in meant.items() for each in reversed(texts) if each in known}
    serials = {entry: serial_readings(entry) for entry in entries if entry not in found and _may_be_serial(entry)}
    by_serial = _assets_by_serial(asset_store, list(dict.fromkeys(each for texts in serials.values() for each in texts)))
    return found | {
        entry: by_serial[each.casefold()] for entry, texts in serials.items() for each in reversed(texts) if each.casefold() in by_serial
    }


def _keyboard_problem(tags: TagLookup, unknown: list[str]) -> str:
    return next((other_keyboard_language(entry, tag) for entry in unknown if (tag := tags.tag_behind_layout(entry))), "")


def _resolve_literally(asset_store: AssetStore, tags: TagLookup, entries: list[str]) -> dict[str, list[int]]:
    """Entry → IDs of its assets. Digits alone are a serial number first and an asset ID only if no asset has that serial number, because
    some devices have such serial numbers; `#` makes it an ID."""
    found = {entry: [asset_id] for entry, asset_id in tags.assets_by_tag(entries).items()}
    by_serial = _assets_by_serial(asset_store, [entry for entry in entries if entry not in found and _may_be_serial(entry)])
    found |= {entry: by_serial[entry.casefold()] for entry in entries if entry not in found and entry.casefold() in by_serial}
    numbers = {entry: number for entry in entries if entry not in found and (number := parse_asset_id(entry))}
    existing = _existing_ids(asset_store, tags, list(dict.fromkeys(numbers.values())))
    return found | {entry: [number] for entry, number in numbers.items() if number in existing}


def _assets_by_serial(asset_store: AssetStore, serials: list[str]) -> dict[str, list[int]]:
    by_serial: dict[str, list[int]] = defaultdict(list)
    for asset in asset_store.find_by_serials(serials) if serials else ():
        for serial in dict.fromkeys(map(str.casefold, asset.serials)):
            by_serial[serial].append(asset.id)
    return by_serial


def _existing_ids(asset_store: AssetStore, tags: TagLookup, asset_ids: list[int]) -> set[int]:
    tagged = set(tags.tags_by_asset(asset_ids))
    unverified = [asset_id for asset_id in asset_ids if asset_id not in tagged]
    return tagged | {asset.id for assets in asset_store.get_many(unverified) for asset in assets} if unverified else tagged
