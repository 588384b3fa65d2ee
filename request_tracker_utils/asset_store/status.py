"""Whether the asset store answers: for health checks, and for the status page."""

from request_tracker_utils.asset_store.current import asset_store, examination
from request_tracker_utils.asset_store.inspection import problems
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.health import CheckResult, HealthCheck, Status
from request_tracker_utils.web.feature import SectionContent, StatusSection

TIMEOUT = 2.0
"""Seconds. Request Tracker usually needs one for all questions."""


def content() -> SectionContent:
    """What has been found out by now; the questions go on being asked when the page is drawn already."""
    examined = examination()
    complete = examined.look(within=TIMEOUT)
    findings = list(examined.findings)
    missing = problems(findings)
    if not complete:
        missing.append("Request Tracker has not answered everything yet. Load this page again in a moment.")
    return SectionContent({"findings": findings, "asked_at": examined.asked_at, "complete": complete}, missing)


sections = [StatusSection("Directory", "asset_store/status.html", content, order=40)]


def check_asset_store_health() -> CheckResult:
    here = asset_store()
    if here.kind == "embedded":
        return CheckResult(Status.OK, "Assets live in this program's own database.")
    try:
        version = here.version()
    except AppError as error:
        return CheckResult(Status.DOWN, "Request Tracker does not answer as it should.", error.message)
    return CheckResult(Status.OK, "Request Tracker answers.", f"Version {version}.")


checks = [HealthCheck("directory", check_asset_store_health, essential=False, ttl=30)]
"""Asked rarely: each call costs Request Tracker 0.2 s."""
