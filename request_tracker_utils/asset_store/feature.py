"""What the asset store contributes to the app: its health check, its section of the status page, and the job that checks the settings."""

from datetime import timedelta

from request_tracker_utils.asset_store import current
from request_tracker_utils.asset_store.current import asset_store, inspect_thoroughly, inspection
from request_tracker_utils.asset_store.inspection import problems
from request_tracker_utils.asset_store.service import AssetStoreInvalid
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.health import CheckResult, HealthCheck, Status
from request_tracker_utils.core.jobs import Job
from request_tracker_utils.core.settings import FIELD_SETTINGS
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.web.feature import Feature, SectionContent, StatusSection
from request_tracker_utils.web.registry import settings

PAGE_WAITS = 2.0
"""Seconds. Request Tracker usually needs one for all checks."""
HEALTH_CHECK_TTL = 30
"""Seconds for which a result is cached: each check costs Request Tracker 0.24 s, since it checks the token."""


def status_content() -> SectionContent:
    """The results that are available. The inspection continues after the page is rendered."""
    latest = inspection()
    complete = latest.refresh(wait=PAGE_WAITS)
    results = list(latest.results)
    found = problems(results)
    if not complete:
        found.append(_("Request Tracker has not answered all checks yet. Reload this page in a moment."))
    return SectionContent({"results": results, "started_at": latest.started_at, "complete": complete}, found)


def check_health() -> CheckResult:
    store = asset_store()
    if store.kind == "embedded":
        return CheckResult(Status.OK, _("Assets are stored in this program's own database."))
    try:
        version = store.version()
        found = store.field_problems(getattr(settings(), name) for name in FIELD_SETTINGS)
    except AppError as error:
        return CheckResult(Status.DOWN, _("Request Tracker does not answer or rejects the request."), error.message)
    if found:
        return CheckResult(Status.DEGRADED, _("Request Tracker lacks custom fields that the settings name."), " ".join(found))
    return CheckResult(Status.OK, _("Request Tracker answers."), _("Version %(version)s.", version=version))


def check_asset_store() -> int:
    """Raises AssetStoreInvalid with all settings that do not match the asset store and all missing permissions of its token."""
    if found := problems(inspect_thoroughly()):
        raise AssetStoreInvalid(" ".join(found))
    return 0


feature = Feature(
    name="asset_store",
    jobs=[
        Job(
            "check-asset-store",
            "Check the catalogs and custom fields of the settings, and the permissions of the token, in Request Tracker",
            timedelta(hours=1),
            check_asset_store,
        )
    ],
    checks=[HealthCheck("asset_store", check_health, essential=False, ttl=HEALTH_CHECK_TTL)],
    status=[StatusSection("Request Tracker", "asset_store/status.html", status_content, order=40)],
    install=current.install,
)
