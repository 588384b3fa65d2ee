"""What labels ask about tags, answered from the room of tags."""

from collections.abc import Iterable

from request_tracker_utils.core.db import reading
from request_tracker_utils.labels.service import TagRange
from request_tracker_utils.tags import lookup, sequence
from request_tracker_utils.tags.tag_format import TagName, parse_ignoring_case


class TagsOfAssets:
    """Implements TagLookup."""

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

    def tag_range(self, first: str, last: str, *, limit: int) -> TagRange:
        with reading() as session:
            begin, end = lookup.parse_range(session, first, last, most=limit)
            held = {tag.number: int(tag.asset_id or 0) for tag in lookup.assigned_in_range(session, begin, end)}
        free = [str(TagName(begin.prefix, number)) for number in range(begin.number, end.number + 1) if number not in held]
        return TagRange(list(held.values()), free)
