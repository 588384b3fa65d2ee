"""Today, the inventory, and what resolving a scanned code needs from this app, for entry points."""

from datetime import date, timedelta

from request_tracker_utils.asset_store.brief_lookup import BriefLookup
from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading
from request_tracker_utils.labels.current import tag_lookup
from request_tracker_utils.labels.scanning import asset_id_from_url
from request_tracker_utils.students import devices
from request_tracker_utils.students.inventory import Inventory
from request_tracker_utils.students.models import Device
from request_tracker_utils.students.permissions import StudentPermission
from request_tracker_utils.students.scan_codes import ScanContext
from request_tracker_utils.students.scan_station import ScanResult, StudentWithDevices
from request_tracker_utils.students.visibility import Visibility, shown_devices, visibility_of
from request_tracker_utils.web.access_log import record_list, record_lookup, student as student_subject
from request_tracker_utils.web.auth import current_actor
from request_tracker_utils.web.registry import registry, settings

STATION_INTERVAL = timedelta(hours=1)


def inventory() -> Inventory:
    return Inventory(reading, registry().get(BriefLookup), tag_lookup(), settings().device_catalogs, utc_now)


def scan_context() -> ScanContext:
    """Looks up assets only for codes that are URLs, or unknown here; most are not."""
    return ScanContext(
        prefix=settings().prefix,
        asset_at=lambda url: asset_id_from_url(asset_store(), url, settings().public_address()),
        tags_of=lambda asset_ids: tag_lookup().tags_by_asset(asset_ids),
        inventory=inventory(),
        sees=visibility(),
    )


def visibility() -> Visibility:
    """Which students the caller of this request may see."""
    return visibility_of(current_actor(), settings().teachers_see)


def find_device(asset_tag: str) -> Device:
    """The device as the caller may see it. Callers who may not read devices find only their own; Request Tracker is not asked then.
    Raises what `Inventory.find` raises."""
    sees = visibility()
    if not current_actor().may(StudentPermission.READ):
        with reading() as session:
            device = devices.find_own(session, sees, asset_tag=asset_tag)
            if device is None:
                raise devices.not_found(asset_tag)
            return shown_devices(session, [device], sees)[0]
    device = inventory().find(asset_tag)
    with reading() as session:
        return shown_devices(session, [device], sees)[0]


def record_scanned(result: ScanResult) -> ScanResult:
    """Records the lookup of the student that a scan has shown. A scan that changes something is in the history of its device instead."""
    if result.log is None:
        holder = result.device.current_student_id if result.device else None
        shown = result.student.student.student_id if result.student else holder or ""
        record_lookup("scanned student" if result.student else "student of a device", student_subject(shown))
    return result


def record_station(changes: int, student: StudentWithDevices | None) -> None:
    """Records what a scan station shows beside its scans: stations ask for it every few seconds, so it is recorded once an hour."""
    record_list("recent changes of devices", changes, once_per=STATION_INTERVAL)
    if student:
        record_lookup("selected student", student_subject(student.student.student_id), once_per=STATION_INTERVAL)


def today() -> date:
    """In the time zone of this installation."""
    return utc_now().astimezone(settings().zone).date()
