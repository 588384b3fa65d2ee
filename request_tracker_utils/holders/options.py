"""What can be done about each kind of holder discrepancy."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from request_tracker_utils.core.text import search_key
from request_tracker_utils.core.translation import gettext as _, gettext_noop, ngettext
from request_tracker_utils.holders.lookups import students_of_users
from request_tracker_utils.holders.models import DiscrepancyKind, HolderDiscrepancy
from request_tracker_utils.reconciliation.models import IGNORED
from request_tracker_utils.reconciliation.reconciler import BulkOption, Entry, Kind, Option
from request_tracker_utils.students.errors import InvalidField
from request_tracker_utils.students.fields import identifier
from request_tracker_utils.students.models import Device, Student
from request_tracker_utils.students.permissions import StudentPermission
from request_tracker_utils.students.service import get_many


class Resolution(StrEnum):
    """The values are stored."""

    PUSH_HOLDER = "told"
    """The asset store gets the holder that the device has here."""
    APPLY_HOLDER = "taken"
    """The device gets the holder that it has in the asset store."""
    RENAME_ASSET = "called-again"
    """The asset gets the device's tag as its name again."""
    LINK_ASSET = "linked"
    """The device belongs to another asset: the one with its tag as its name, or with its serial number."""
    ADD_DEVICE = "registered"
    """The asset becomes a device here, assigned to its holder."""
    CLEAR_HOLDER = "emptied"
    """The holder of the asset in the asset store is cleared."""
    RETIRE_DEVICE = "retired"
    IGNORE = IGNORED


RESTRICTED: Mapping[str, StrEnum] = {
    Resolution.APPLY_HOLDER: StudentPermission.OVERRIDE,
    Resolution.ADD_DEVICE: StudentPermission.OVERRIDE,
    Resolution.RETIRE_DEVICE: StudentPermission.OVERRIDE,
}
"""Resolutions that change the assignment of a device here, regardless of the rules for assigning."""

_IGNORE_ALL = BulkOption(
    Resolution.IGNORE, lambda count, _source: ngettext("Ignore %(num)s difference", "Ignore %(num)s differences", count)
)

KINDS = [
    Kind(
        DiscrepancyKind.HOLDER,
        gettext_noop("Different holder"),
        gettext_noop("These devices have a different holder in %(source)s."),
        [
            BulkOption(
                Resolution.PUSH_HOLDER,
                lambda count, source: ngettext(
                    "Update %(num)s holder in %(source)s", "Update %(num)s holders in %(source)s", count, source=source
                ),
            ),
            BulkOption(
                Resolution.APPLY_HOLDER,
                lambda count, source: ngettext(
                    "Apply %(num)s holder from %(source)s here", "Apply %(num)s holders from %(source)s here", count, source=source
                ),
            ),
        ],
    ),
    Kind(
        DiscrepancyKind.UNKNOWN,
        gettext_noop("Unknown device"),
        gettext_noop("These assets have a holder in %(source)s, but are not devices here."),
        [BulkOption(Resolution.ADD_DEVICE, lambda _count, _source: _("Add devices that students have")), _IGNORE_ALL],
    ),
    Kind(
        DiscrepancyKind.MISSING,
        gettext_noop("Missing"),
        gettext_noop("These devices have no asset in %(source)s."),
        [BulkOption(Resolution.LINK_ASSET, lambda _count, _source: _("Find assets by serial number")), _IGNORE_ALL],
    ),
    Kind(
        DiscrepancyKind.RENAMED,
        gettext_noop("Renamed"),
        gettext_noop("The assets of these devices have a different name in %(source)s."),
        [
            BulkOption(
                Resolution.RENAME_ASSET,
                lambda count, _source: ngettext("Rename %(num)s asset to its tag", "Rename %(num)s assets to their tags", count),
            ),
            _IGNORE_ALL,
        ],
    ),
]


def options(session: Session, discrepancies: Sequence[HolderDiscrepancy], *, source: str, rule: str) -> list[Entry[HolderDiscrepancy]]:
    """The same discrepancies with their options. `source` is the name of the asset store on pages, `rule` is RT_STUDENT_USER.

    The facts are `student`, who has the device here, and `their_student`, who has it in the asset store, where that is a student.
    """
    users = students_of_users(session, [each.theirs for each in discrepancies], rule)
    students = get_many(session, [each.student_id for each in discrepancies if each.student_id])
    keys = {search_key(name) for each in discrepancies for name in (each.asset_tag, each.asset_name) if name}
    devices = {each.tag_key: each for each in session.scalars(select(Device).where(Device.tag_key.in_(keys)))}
    build = _Options(devices, source)
    entries = []
    for each in discrepancies:
        their_student = users.get(each.theirs.casefold())
        facts = {"student": students.get(each.student_id or ""), "their_student": their_student}
        entries.append(Entry(each, list(build.of(each, their_student)), facts))
    return entries


def student_of(session: Session, discrepancy: HolderDiscrepancy, *, rule: str) -> Student | None:
    """The student who has the asset in the asset store."""
    return students_of_users(session, [discrepancy.theirs], rule).get(discrepancy.theirs.casefold())


class _Options:
    def __init__(self, devices: Mapping[str, Device], source: str) -> None:
        self._devices, self._source = devices, source

    def of(self, discrepancy: HolderDiscrepancy, their_student: Student | None) -> Iterator[Option]:
        of_kind = {
            DiscrepancyKind.HOLDER: self._holder,
            DiscrepancyKind.RENAMED: self._renamed,
            DiscrepancyKind.UNKNOWN: self._unknown,
            DiscrepancyKind.MISSING: self._missing,
        }[DiscrepancyKind(discrepancy.kind)]
        yield from of_kind(discrepancy, their_student)
        is_renamed = discrepancy.kind == DiscrepancyKind.RENAMED
        effect = _("The holder is still updated in %(source)s.", source=self._source) if is_renamed else ""
        yield Option(Resolution.IGNORE, _("Ignore"), effect)

    def _holder(self, discrepancy: HolderDiscrepancy, their_student: Student | None) -> Iterator[Option]:
        if discrepancy.ours:
            label = _("Set the holder in %(source)s to %(user)s", source=self._source, user=discrepancy.ours)
            yield Option(Resolution.PUSH_HOLDER, label)
        elif discrepancy.student_id is None:
            yield Option(Resolution.PUSH_HOLDER, _("Clear the holder in %(source)s", source=self._source))
        if their_student is not None:
            yield Option(Resolution.APPLY_HOLDER, _("Assign to %(student)s here", student=their_student.name))
        elif not discrepancy.theirs:
            yield Option(Resolution.APPLY_HOLDER, _("Return here"))

    def _renamed(self, discrepancy: HolderDiscrepancy, _their_student: Student | None) -> Iterator[Option]:
        asset, tag = discrepancy.asset_id, discrepancy.asset_tag
        label = _("Rename #%(asset)s to %(tag)s in %(source)s", asset=asset, tag=tag, source=self._source)
        yield Option(Resolution.RENAME_ASSET, label)
        effect = _("%(tag)s is linked to that asset instead of #%(asset)s.", tag=tag, asset=asset)
        yield Option(Resolution.LINK_ASSET, _("Find another asset named %(tag)s", tag=tag), effect)

    def _unknown(self, discrepancy: HolderDiscrepancy, their_student: Student | None) -> Iterator[Option]:
        if their_student is not None and self._is_available(discrepancy.asset_name):
            label = _("Add %(tag)s, assigned to %(student)s", tag=discrepancy.asset_name, student=their_student.name)
            yield Option(Resolution.ADD_DEVICE, label)
        label = _("Clear the holder of #%(asset)s in %(source)s", asset=discrepancy.asset_id, source=self._source)
        yield Option(Resolution.CLEAR_HOLDER, label)

    def _missing(self, discrepancy: HolderDiscrepancy, _their_student: Student | None) -> Iterator[Option]:
        device = self._devices.get(search_key(discrepancy.asset_tag))
        if device is not None and device.serial_number:
            label = _("Find an asset with the serial number %(serial)s", serial=device.serial_number)
            yield Option(Resolution.LINK_ASSET, label)
        effect = _("The device is returned first.") if discrepancy.student_id else ""
        yield Option(Resolution.RETIRE_DEVICE, _("Retire %(tag)s", tag=discrepancy.asset_tag), effect)

    def _is_available(self, name: str) -> bool:
        """Whether the name may be the tag of a new device."""
        try:
            return search_key(identifier(name, "asset_tag", "devices")) not in self._devices
        except InvalidField:
            return False
