"""Pages that show the program itself: how it fares, its jobs, its settings, who may do what."""

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.accounts.models import Role
from request_tracker_utils.administration import runs, status
from request_tracker_utils.administration.permissions import AdministrationPermission
from request_tracker_utils.administration.views import access
from request_tracker_utils.core.db import reading
from request_tracker_utils.core.errors import Conflict
from request_tracker_utils.core.settings import Settings
from request_tracker_utils.web.auth import require
from request_tracker_utils.web.registry import registry, settings as effective

pages = Blueprint("administration", __name__, url_prefix="/admin")
LAST_PAGE = 1_000


@pages.get("")
@require(AdministrationPermission.STATUS)
def overview() -> str:
    """How the program fares, in one line and then in full."""
    sections = status.look(current_app._get_current_object(), registry().status)  # type: ignore[attr-defined]
    return render_template("administration/status.html", shown=sections, problems=[p for section in sections for p in section.problems])


@pages.get("/jobs")
@require(AdministrationPermission.JOBS)
def jobs() -> str:
    """Every job, its last run and its next one."""
    with reading() as session:
        rows = runs.overview(session, list(registry().jobs), scheduled=effective().scheduler)
    return render_template("administration/jobs.html", jobs=rows)


@pages.get("/jobs/<name>")
@require(AdministrationPermission.JOBS)
def job(name: str) -> str:
    """The runs of one job that are on record, the newest first."""
    found = registry().jobs.named(name)
    page = min(max(1, request.args.get("page", 1, type=int)), LAST_PAGE)
    with reading() as session:
        return render_template("administration/job.html", job=found, found=runs.page_of(session, name, page=page))


@pages.post("/jobs/<name>/run")
@require(AdministrationPermission.JOBS)
def run(name: str) -> ResponseReturnValue:
    """Has the job run at once, in the background of this process."""
    found = registry().jobs.named(name)
    if registry().scheduler is None:
        raise Conflict(f"Jobs do not run here: SCHEDULER is false. Run this one with `rtutils jobs run {name}`.")
    registry().run_soon(found.name)
    flash(f"{found.name} begins now.", "success")
    return redirect(url_for(".jobs"), 303)


@pages.get("/settings")
@require(AdministrationPermission.SETTINGS)
def settings() -> str:
    """Every setting as it holds; secrets are masked."""
    return render_template(
        "administration/settings.html",
        fields=Settings.model_fields,
        values=effective().masked(),
        given=effective().model_fields_set,
        defaults=Settings.defaults(),
    )


@pages.get("/access")
@require(AdministrationPermission.ACCESS)
def permissions_and_routes() -> str:
    """Which role holds which permission, and may call which route."""
    grants = registry().grants
    return render_template(
        "administration/access.html",
        roles=list(Role),
        permissions=access.permissions(grants),
        routes=access.routes(current_app._get_current_object(), grants),  # type: ignore[attr-defined]
    )
