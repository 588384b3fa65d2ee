"""What can be done about each kind of tag discrepancy."""

from collections.abc import Iterator, Sequence
from enum import StrEnum

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from request_tracker_utils.core.translation import gettext as _, gettext_noop, ngettext
from request_tracker_utils.reconciliation.models import IGNORED
from request_tracker_utils.reconciliation.reconciler import BulkOption, Entry, Kind, Option
from request_tracker_utils.tags import sequence
from request_tracker_utils.tags.models import DiscrepancyKind, Tag, TagDiscrepancy, TagState
from request_tracker_utils.tags.tag_format import parse


class Resolution(StrEnum):
    """The values are stored."""

    RENAME_ASSET = "called-again"
    """The asset gets its tag as its name again."""
    USE_NAME = "name-taken"
    """The asset's name becomes its tag and replaces the current one."""
    REMOVE_TAG = "taken-away"
    """The tag is removed from the asset."""
    NEW_TAG = "new-tag"
    MOVE_TAG = "moved"
    """The asset with this name gets the tag; the former owner gets a new one."""
    RELEASE_TAG = "freed"
    RETIRE_TAG = "kept"
    """The tag is never assigned again."""
    ADOPT_NAME = "adopted"
    """The name of an asset without a tag becomes its tag."""
    IGNORE = IGNORED


_WAS_PRINTED = exists().where(Tag.tag == TagDiscrepancy.tag, Tag.printed_at.is_not(None))
IS_STOPPED = exists().where(Tag.tag == TagDiscrepancy.tag, Tag.confirmed_at.is_(None), Tag.due_at.is_(None), Tag.problem.is_not(None))
"""Confirmation does not rename the asset without a person's decision."""
_IS_RESERVED = exists().where(Tag.tag == TagDiscrepancy.tag, Tag.state != TagState.RELEASED)

KINDS = [
    Kind(
        DiscrepancyKind.RENAMED,
        gettext_noop("Renamed"),
        gettext_noop("These assets have a tag here, but a different name in %(source)s."),
        [
            BulkOption(
                Resolution.RENAME_ASSET,
                lambda count, _source: ngettext("Rename %(num)s asset to its tag", "Rename %(num)s assets to their tags", count),
                ~IS_STOPPED,
            ),
            BulkOption(
                Resolution.REMOVE_TAG,
                lambda count, _source: ngettext(
                    "Remove the tag of %(num)s asset that was not new", "Remove the tags of %(num)s assets that were not new", count
                ),
                IS_STOPPED,
            ),
        ],
    ),
    Kind(
        DiscrepancyKind.DUPLICATE,
        gettext_noop("Duplicate"),
        gettext_noop("The name of each of these assets is the tag of another asset."),
    ),
    Kind(
        DiscrepancyKind.MISSING,
        gettext_noop("Missing"),
        gettext_noop("The assets of these tags do not exist in %(source)s, or are deleted there."),
        [
            BulkOption(
                Resolution.RELEASE_TAG,
                lambda count, _source: ngettext("Release %(num)s unprinted tag", "Release %(num)s unprinted tags", count),
                ~_WAS_PRINTED,
            )
        ],
    ),
    Kind(
        DiscrepancyKind.UNKNOWN,
        gettext_noop("Unknown tag"),
        gettext_noop("The name of each of these assets is a valid tag that no asset has here."),
        [
            BulkOption(
                Resolution.ADOPT_NAME,
                lambda count, _source: ngettext("Use %(num)s name as a tag", "Use %(num)s names as tags", count),
                ~_IS_RESERVED,
            )
        ],
    ),
    Kind(
        DiscrepancyKind.MISSPELLED,
        gettext_noop("Misspelled tag"),
        gettext_noop("These names start like a tag but are not valid tags, so the assets count as untagged."),
    ),
]


def options(session: Session, discrepancies: Sequence[TagDiscrepancy], *, source: str) -> list[Entry[TagDiscrepancy]]:
    """The same discrepancies with their options. `source` is the name of the asset store on pages."""
    texts = {each.tag for each in discrepancies} | {each.name for each in discrepancies if each.name}
    tags = {tag.tag: tag for tag in session.scalars(select(Tag).where(Tag.tag.in_(texts)))}
    build = _Options(tags, sequence.prefixes(session), source)
    return [Entry(each, list(build.of(each)), {"owner_id": build.owner_id(each), "problem": build.problem(each)}) for each in discrepancies]


class _Options:
    def __init__(self, tags: dict[str, Tag], prefixes: Sequence[str], source: str) -> None:
        self._tags, self._prefixes, self._source = tags, prefixes, source

    def owner_id(self, discrepancy: TagDiscrepancy) -> int | None:
        """The asset that has the tag here, for a duplicate."""
        tag = self._tags.get(discrepancy.tag)
        return tag.asset_id if tag is not None and discrepancy.kind == DiscrepancyKind.DUPLICATE else None

    def problem(self, discrepancy: TagDiscrepancy) -> str | None:
        """Why the asset was not renamed to its tag."""
        tag = self._tags.get(discrepancy.tag)
        return tag.problem if tag is not None and tag.due_at is None and tag.confirmed_at is None else None

    def of(self, discrepancy: TagDiscrepancy) -> Iterator[Option]:
        of_kind = {
            DiscrepancyKind.RENAMED: self._renamed,
            DiscrepancyKind.DUPLICATE: self._duplicate,
            DiscrepancyKind.MISSING: self._missing,
            DiscrepancyKind.UNKNOWN: self._unknown,
            DiscrepancyKind.MISSPELLED: self._misspelled,
        }[DiscrepancyKind(discrepancy.kind)]
        yield from of_kind(discrepancy, f"#{discrepancy.asset_id}")
        yield Option(Resolution.IGNORE, _("Ignore"))

    def _renamed(self, discrepancy: TagDiscrepancy, asset: str) -> Iterator[Option]:
        tag, name = discrepancy.tag, discrepancy.name or ""
        label = _("Rename %(asset)s to %(tag)s in %(source)s", asset=asset, tag=tag, source=self._source)
        yield Option(Resolution.RENAME_ASSET, label)
        if self.problem(discrepancy) or not any(parse(name, prefix) for prefix in self._prefixes):
            yield Option(Resolution.REMOVE_TAG, _("Remove %(tag)s from %(asset)s", tag=tag, asset=asset), self._afterwards(tag))
        elif self._is_available(name):
            label = _("Use %(name)s as the tag of %(asset)s", name=name, asset=asset)
            yield Option(Resolution.USE_NAME, label, self._afterwards(tag))

    def _duplicate(self, discrepancy: TagDiscrepancy, asset: str) -> Iterator[Option]:
        yield Option(Resolution.NEW_TAG, _("Assign a new tag to %(asset)s", asset=asset))
        effect = _("#%(owner)s gets a new tag.", owner=self.owner_id(discrepancy))
        yield Option(Resolution.MOVE_TAG, _("Move %(tag)s to %(asset)s", tag=discrepancy.tag, asset=asset), effect)

    def _missing(self, discrepancy: TagDiscrepancy, _asset: str) -> Iterator[Option]:
        if self._was_printed(discrepancy.tag):
            effect = _("A label was printed, so the tag cannot be released. It will not be reassigned.")
        else:
            yield Option(Resolution.RELEASE_TAG, _("Release %(tag)s", tag=discrepancy.tag), self._afterwards(discrepancy.tag))
            effect = _("The tag will not be reassigned.")
        yield Option(Resolution.RETIRE_TAG, _("Retire %(tag)s", tag=discrepancy.tag), effect)

    def _unknown(self, discrepancy: TagDiscrepancy, asset: str) -> Iterator[Option]:
        effect = _("The tag was retired.") if self._is_retired(discrepancy.tag) else ""
        yield Option(Resolution.ADOPT_NAME, _("Use %(name)s as the tag of %(asset)s", name=discrepancy.tag, asset=asset), effect)
        yield Option(Resolution.NEW_TAG, _("Assign a new tag to %(asset)s", asset=asset))

    def _misspelled(self, _discrepancy: TagDiscrepancy, asset: str) -> Iterator[Option]:
        yield Option(Resolution.NEW_TAG, _("Assign a tag to %(asset)s", asset=asset))

    def _afterwards(self, tag: str) -> str:
        if self._was_printed(tag):
            return _("%(tag)s will not be reassigned, because a label was printed.", tag=tag)
        return _("%(tag)s is released and can be assigned again.", tag=tag)

    def _was_printed(self, text: str) -> bool:
        tag = self._tags.get(text)
        return tag is not None and tag.printed_at is not None

    def _is_retired(self, text: str) -> bool:
        tag = self._tags.get(text)
        return tag is not None and tag.is_retired

    def _is_available(self, text: str) -> bool:
        tag = self._tags.get(text)
        return tag is None or tag.state == TagState.RELEASED or tag.is_retired
