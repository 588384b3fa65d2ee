"""The asset creator and the tag lookup of this app, for entry points."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from threading import Semaphore

from flask import Flask
from sqlalchemy.orm import Session

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.service import Asset
from request_tracker_utils.assets.fields import CreationSettings, NewAssetFields
from request_tracker_utils.assets.service import AssetCreator, CreatedAsset
from request_tracker_utils.core.actor import Actor
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.labels import print_history, service as labels
from request_tracker_utils.labels.current import installed_formats
from request_tracker_utils.labels.renderer import can_print
from request_tracker_utils.labels.service import TagRange
from request_tracker_utils.tags import lookup, sequence
from request_tracker_utils.tags.duplicates import PrintedLabels
from request_tracker_utils.tags.tag_format import TagName, parse_ignoring_case
from request_tracker_utils.web.auth import current_actor
from request_tracker_utils.web.registry import registry, registry_of, settings
from request_tracker_utils.web.threads import Sizes


class CreationSlots(Semaphore):
    """Limits how many creations wait for others at the same time, so that enough threads are free for Request Tracker's webhook."""


@dataclass(frozen=True)
class OwnAssets:
    """Provided by a higher layer: the address of the page of an asset that the caller has; None for all other assets."""

    address_of: Callable[[int], str | None]


class TagsOfAssets:
    """Implements TagLookup for labels, which know assets by their ids only."""

    def assets_by_tag(self, texts: Iterable[str]) -> dict[str, int]:
        with reading() as session:
            return {text: int(tag.asset_id or 0) for text, tag in lookup.find_assigned(session, texts).items()}

    def tags_by_asset(self, asset_ids: list[int]) -> dict[int, str]:
        with reading() as session:
            chunks = (asset_ids[begin : begin + lookup.CHUNK] for begin in range(0, len(asset_ids), lookup.CHUNK))
            return {asset_id: tag.tag for chunk in chunks for asset_id, tag in lookup.tags_of_assets(session, chunk).items()}

    def canonical_tag(self, text: str) -> str | None:
        with reading() as session:
            name = parse_ignoring_case(text, sequence.prefixes(session))
        return str(name) if name else None

    def tag_behind_layout(self, text: str) -> str | None:
        with reading() as session:
            name = lookup.tag_behind_layout(session, text)
        return str(name) if name else None

    def tag_range(self, first: str, last: str, *, limit: int) -> TagRange:
        with reading() as session:
            begin, end = lookup.parse_range(session, first, last, most=limit)
            assigned = {tag.number: int(tag.asset_id or 0) for tag in lookup.assigned_in_range(session, begin, end)}
        free = [str(TagName(begin.prefix, number)) for number in range(begin.number, end.number + 1) if number not in assigned]
        return TagRange(list(assigned.values()), free)


class LabelsOfAssets(PrintedLabels):
    """For tags, which do not know the labels of assets without a tag."""

    def labelled(self, session: Session, asset_ids: Collection[int]) -> set[int]:
        return print_history.labelled(session, asset_ids)


def install(app: Flask) -> None:
    registry = registry_of(app)
    registry.provide(CreationSlots, CreationSlots(max(1, Sizes.of(registry.settings.threads).waiting_for_rt // 2)))


def creator(actor: Actor | None = None) -> AssetCreator:
    """For the given actor, by default the caller of this request."""
    return AssetCreator(
        transaction,
        reading,
        asset_store(),
        CreationSettings.from_settings(settings()),
        actor or current_actor(),
        waiting_slots=registry().get(CreationSlots),
    )


def can_render_label(created: CreatedAsset, fields: NewAssetFields) -> bool:
    """Whether the asset's label fits its format, so that its print page shows it. Needs no request to the asset store."""
    new = CreationSettings.from_settings(settings()).new_asset(fields)
    asset = Asset(created.asset_id, created.tag, created.serial, new.model, new.manufacturer, new.catalog, fields=new.fields)
    return can_print(installed_formats().for_asset(asset), labels.label_content(asset_store(), asset))
