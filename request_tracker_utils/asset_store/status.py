"""The asset store's health check and its section of the status page."""

from request_tracker_utils.asset_store.current import asset_store, inspection
from request_tracker_utils.asset_store.inspection import problems
from request_tracker_utils.asset_store.names import HEALTH_CHECK
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.health import CheckResult, HealthCheck, Status
from request_tracker_utils.core.translation import gettext as _, gettext_noop
from request_tracker_utils.web.feature import SectionContent, StatusSection

PAGE_WAITS = 2.0
"""Seconds. Request Tracker usually needs one for all checks."""


def content() -> SectionContent:
    """The results so far. The inspection continues after the page is rendered."""
    current = inspection()
    complete = current.refresh(wait=PAGE_WAITS)
    results = list(current.results)
    found = problems(results)
    if not complete:
        found.append(_("Request Tracker has not answered all checks yet. Reload this page in a moment."))
    return SectionContent({"results": results, "started_at": current.started_at, "complete": complete}, found)


sections = [StatusSection(gettext_noop("Request Tracker"), "asset_store/status.html", content, order=40)]


def check_health() -> CheckResult:
    store = asset_store()
    if store.kind == "embedded":
        return CheckResult(Status.OK, _("Assets are stored in this program's own database."))
    try:
        version = store.version()
    except AppError as error:
        return CheckResult(Status.DOWN, _("Request Tracker does not answer correctly."), error.message)
    return CheckResult(Status.OK, _("Request Tracker answers."), _("Version %(version)s.", version=version))


checks = [HealthCheck(HEALTH_CHECK, check_health, essential=False, ttl=30)]
"""Each check costs Request Tracker 0.24 s, since it checks the token."""
