"""Which labels are printed: assets from the directory, in the order asked for, as they come."""

from collections.abc import Callable, Iterator
from itertools import chain
from urllib.parse import urlsplit

from request_tracker_utils.core.errors import AppError, Conflict
from request_tracker_utils.directory.service import Asset, AssetNotFound, Directory
from request_tracker_utils.labels.drawing import LabelContent

MOST_LABELS = 5_000
"""Labels of one page: as many as a browser still prints."""
NAMED_MISSING = 20
"""Missing assets that a notice names; of more it tells the number."""


def one(directory: Directory, *, asset_id: int | None, name: str | None) -> Asset:
    """The asset of this number or, without one, of this name. Raises AssetNotFound, Conflict when several have the name."""
    if asset_id is not None:
        return directory.get(asset_id)
    found = directory.find_by_name(name or "")
    if not found:
        raise AssetNotFound("Asset not found", name=name)
    if len(found) > 1:
        numbers = ", ".join(str(asset.id) for asset in found)
        raise Conflict(f"Several assets are called {name}: {numbers}. Print by asset_id.")
    return found[0]


def content(directory: Directory, asset: Asset) -> LabelContent:
    return LabelContent.from_asset(asset, directory.page_address(asset.id))


Announce = Callable[[list[tuple[int, str]]], list[str]]


def batch(
    directory: Directory, *, asset_ids: list[int] | None, query: str | None, notices: list[str], on_print: Announce
) -> Iterator[LabelContent]:
    """The labels of these assets, or of those that the query finds. What is missing is said in `notices` when the last has come.

    The first assets are fetched before this returns, so that a directory that does not answer is an error and not half a page.
    `on_print` is told the ids and names before their labels are handed out, and gives notices back. Raises AssetNotFound when
    there is nothing to print.
    """
    wanted = list(dict.fromkeys(asset_ids or []))
    chunks = _found(directory, query, notices) if query else directory.get_many(wanted)
    first = next((chunk for chunk in chunks if chunk), None)
    if first is None:
        raise AssetNotFound("None of these assets was found." if wanted else "The query finds no asset.")
    announced = _announced(first, notices, on_print)
    return _contents(directory, announced, chunks, set(wanted), notices, on_print)


def _found(directory: Directory, query: str, notices: list[str]) -> Iterator[list[Asset]]:
    found = directory.query(query, limit=MOST_LABELS + 1)
    if len(found) > MOST_LABELS:
        notices.append(f"Only the first {MOST_LABELS:,} of the assets that the query finds are here. Narrow the query to print the others.")
    yield found[:MOST_LABELS]


def _announced(chunk: list[Asset], notices: list[str], on_print: Announce) -> list[Asset]:
    notices += on_print([(asset.id, asset.name.strip()) for asset in chunk])
    return chunk


def _contents(
    directory: Directory, first: list[Asset], chunks: Iterator[list[Asset]], missing: set[int], notices: list[str], on_print: Announce
) -> Iterator[LabelContent]:
    try:
        for chunk in chain([first], (_announced(each, notices, on_print) for each in chunks)):
            missing.difference_update(asset.id for asset in chunk)
            for asset in chunk:
                yield content(directory, asset)
    except AppError as error:
        # The page has begun: what has come prints, and the page says what has not.
        notices.append(f"Stopped in the middle: {error.message} Labels of {len(missing)} assets are not here; print them again.")
        return
    if missing:
        named = ", ".join(map(str, sorted(missing)[:NAMED_MISSING]))
        notices.append(f"Not found: {len(missing)} of the assets ({named}{', …' if len(missing) > NAMED_MISSING else ''}).")


def address_warnings(directory: Directory) -> list[str]:
    """What to know about the addresses in QR codes."""
    address = directory.page_address(1)
    if urlsplit(address).hostname in ("127.0.0.1", "localhost", "::1"):
        here = urlsplit(address).netloc
        return [f"The QR codes lead to {here}, which only this computer reaches. Set APP_URL (or RT_URL) before sticking labels on."]
    return []
