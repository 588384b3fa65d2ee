"""Status, jobs, settings, and access by role."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from flask import Blueprint, Flask, current_app, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.accounts.models import Role
from request_tracker_utils.administration import runs, status
from request_tracker_utils.administration.permissions import AdministrationPermission
from request_tracker_utils.core.db import reading
from request_tracker_utils.core.errors import Conflict
from request_tracker_utils.core.page_settings import recent_changes
from request_tracker_utils.core.schedules import plan
from request_tracker_utils.core.settings import Settings
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.web.auth import Access, access_of, require
from request_tracker_utils.web.paging import requested_page
from request_tracker_utils.web.registry import registry

Grants = Mapping[str, frozenset[StrEnum]]
IMPLICIT_METHODS = frozenset({"HEAD", "OPTIONS"})
RECENT_CHANGES = 20
"""Changes of settings below the list; all are under *Data*."""
pages = Blueprint("administration", __name__, url_prefix="/admin")


@pages.get("")
@require(AdministrationPermission.STATUS)
def overview() -> str:
    """Problems, then every section in full."""
    sections = status.collect(current_app._get_current_object(), registry().status)  # type: ignore[attr-defined]
    return render_template("administration/status.html", shown=sections, problems=[p for section in sections for p in section.problems])


@pages.get("/jobs")
@require(AdministrationPermission.JOBS)
def jobs() -> str:
    """Every job with its last and next run."""
    with reading() as session:
        rows = runs.overview(session, list(registry().jobs), registry().page_settings.current())
    return render_template("administration/jobs.html", jobs=rows)


@pages.get("/jobs/<name>")
@require(AdministrationPermission.JOBS)
def job(name: str) -> str:
    """The recorded runs of one job, the newest first."""
    found = registry().jobs.named(name)
    planned = plan(found.schedule, registry().page_settings.current())
    page = requested_page()
    with reading() as session:
        return render_template("administration/job.html", job=found, planned=planned, found=runs.page_of(session, name, page=page))


@pages.post("/jobs/<name>/run")
@require(AdministrationPermission.JOBS)
def run(name: str) -> ResponseReturnValue:
    """Runs the job now, in the background of this process."""
    found = registry().jobs.named(name)
    if registry().scheduler is None:
        raise Conflict(_("Scheduled jobs are off (SCHEDULER is false). Run this job with `rtutils jobs run %(job)s`.", job=name))
    registry().run_soon(found.name)
    flash(_("Started %(job)s.", job=found.name), "success")
    return redirect(url_for(".jobs"), 303)


@pages.get("/settings")
@require(AdministrationPermission.SETTINGS)
def settings() -> str:
    """Every effective setting with its source; secrets are masked."""
    page_settings = registry().page_settings
    found = page_settings.effective()
    with reading() as session:
        changes = recent_changes(session, limit=RECENT_CHANGES)
    return render_template(
        "administration/settings.html",
        fields=Settings.model_fields,
        values=found.settings.masked(),
        sources=found.sources,
        problems=found.problems,
        groups=page_settings.groups,
        group_of={name: group for group in page_settings.groups for name in group.fields},
        defaults=Settings.defaults(),
        changes=changes,
    )


@pages.get("/access")
@require(AdministrationPermission.ACCESS)
def permissions_and_routes() -> str:
    """Permissions and routes by role."""
    grants = registry().grants
    return render_template(
        "administration/access.html",
        roles=list(Role),
        permissions=permission_rows(grants),
        routes=route_rows(current_app._get_current_object(), grants),  # type: ignore[attr-defined]
    )


@dataclass(frozen=True)
class PermissionRow:
    permission: str
    roles: frozenset[str]


@dataclass(frozen=True)
class RouteRow:
    """`needs` says who may call the route. `roles` is empty for public routes and for routes without any access declared."""

    rule: str
    methods: Sequence[str]
    needs: str
    public: bool
    roles: frozenset[str]


def permission_rows(grants: Grants) -> list[PermissionRow]:
    """Every permission that any role has."""
    every = sorted(frozenset[str]().union(*grants.values()))
    return [PermissionRow(name, frozenset(role for role, granted in grants.items() if name in granted)) for name in every]


def route_rows(app: Flask, grants: Grants) -> list[RouteRow]:
    """Every route, by path."""
    rows = [
        _row(rule.rule, sorted((rule.methods or set()) - IMPLICIT_METHODS), access_of(app, rule.endpoint), grants)
        for rule in app.url_map.iter_rules()
    ]
    return sorted(rows, key=lambda row: (row.rule, row.methods))


def _row(rule: str, methods: list[str], access: Access | None, grants: Grants) -> RouteRow:
    if access is None:
        return RouteRow(rule, methods, _("closed: no access declared"), False, frozenset())
    if access.public:
        return RouteRow(rule, methods, access.reason, True, frozenset())
    by_browser = "" if access.by_token else _(", browser only")
    if access.permission is None:
        return RouteRow(rule, methods, _("signed in") + by_browser, False, frozenset(Role))
    roles = frozenset(role for role, granted in grants.items() if access.permission in granted)
    return RouteRow(rule, methods, f"{access.permission}{by_browser}", False, roles)
