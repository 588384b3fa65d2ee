"""Whose labels somebody wants: what was pasted, ticked or named by a range, as numbers of assets, and what could not be made out."""

from collections import defaultdict
from dataclasses import dataclass, field

from request_tracker_utils.asset_store.service import AssetStore
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.labels import service
from request_tracker_utils.labels.pasted import asset_number, entries, may_be_serial
from request_tracker_utils.labels.tagbook import TagBook


@dataclass(frozen=True)
class Wish:
    """What somebody chose, as it was written. `ticked` are numbers of assets that the directory is known to hold."""

    lines: str = ""
    first: str = ""
    last: str = ""
    ticked: list[int] = field(default_factory=list)


@dataclass
class Chosen:
    """The assets, each once, in the order in which they were asked for; and what has to be told before anything is printed."""

    asset_ids: list[int] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    """Entries that are no tag, serial number or number of an asset."""
    twice: list[str] = field(default_factory=list)
    """Entries whose asset was named before."""
    shared: dict[str, int] = field(default_factory=dict)
    """Serial numbers that several assets have, with how many; all of them are among the assets."""
    free: list[str] = field(default_factory=list)
    """Tags of the range that no asset has."""

    @property
    def has_remarks(self) -> bool:
        return bool(self.unknown or self.twice or self.shared or self.free)


def choose(asset_store: AssetStore, tags: TagBook, wish: Wish) -> Chosen:
    """Asks the directory only for what the tags do not tell: once for two hundred serial numbers, and for a hundred numbers of assets.

    Raises Invalid, whose `field` is `lines`, `first` or `last`; what the directory raises.
    """
    chosen, written = Chosen(), entries(wish.lines)
    span = tags.span(wish.first, wish.last, most=service.MOST_LABELS) if wish.first or wish.last else None
    assets = _assets_of(asset_store, tags, list(dict.fromkeys(written)))
    seen: dict[int, None] = {}
    for entry in written:
        found = assets.get(entry, [])
        if not found:
            chosen.unknown.append(entry)
        elif all(asset_id in seen for asset_id in found):
            chosen.twice.append(entry)
        elif len(found) > 1:
            chosen.shared[entry] = len(found)
        seen |= dict.fromkeys(found)
    seen |= dict.fromkeys(wish.ticked)
    if span is not None:
        seen |= dict.fromkeys(span.asset_ids)
        chosen.free = span.free
    chosen.asset_ids = list(seen)
    if not seen and not chosen.has_remarks:
        raise Invalid("Say whose labels to print: paste a list, tick assets, or name a range.", field="lines")
    check_count(len(seen))
    return chosen


def check_count(count: int) -> None:
    """Raises Invalid for more labels than a browser prints."""
    if count > service.MOST_LABELS:
        most = f"at most {service.MOST_LABELS:,} labels are printed at once"
        raise Invalid(f"These are {count:,} assets; {most}. Divide them into several prints.")


def _assets_of(asset_store: AssetStore, tags: TagBook, written: list[str]) -> dict[str, list[int]]:
    """Entry → numbers of the assets that it names. Digits alone are a serial number first, and a number of an asset where nobody has
    that one: devices bear such serial numbers, and `#` says what is meant."""
    found = {entry: [asset_id] for entry, asset_id in tags.assets_of(written).items()}
    holders = _holders(asset_store, [entry for entry in written if entry not in found and may_be_serial(entry)])
    found |= {entry: holders[entry.casefold()] for entry in written if entry not in found and entry.casefold() in holders}
    numbers = {entry: number for entry in written if entry not in found and (number := asset_number(entry))}
    there = _existing(asset_store, tags, list(dict.fromkeys(numbers.values())))
    return found | {entry: [number] for entry, number in numbers.items() if number in there}


def _holders(asset_store: AssetStore, serials: list[str]) -> dict[str, list[int]]:
    holders: dict[str, list[int]] = defaultdict(list)
    for asset in asset_store.find_by_serials(serials) if serials else ():
        # Request Tracker gives the values of a field that has several as one text.
        for serial in dict.fromkeys([asset.serial.casefold(), *asset.serial.casefold().split(", ")]):
            holders[serial].append(asset.id)
    return holders


def _existing(asset_store: AssetStore, tags: TagBook, numbers: list[int]) -> set[int]:
    tagged = set(tags.tags_of(numbers))
    doubtful = [number for number in numbers if number not in tagged]
    return tagged | {asset.id for assets in asset_store.get_many(doubtful) for asset in assets} if doubtful else tagged
