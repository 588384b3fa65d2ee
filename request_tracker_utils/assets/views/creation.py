"""The page on which a technician creates one asset after the other. Its script uses the JSON routes; without it the form is posted."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.assets.current import creator
from request_tracker_utils.assets.fields import FIELDS, MAX_LENGTHS, validate
from request_tracker_utils.assets.forms import AssetForm, asset_form
from request_tracker_utils.assets.permissions import AssetPermission
from request_tracker_utils.assets.recent import count_created, midnight, recent_creations
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.labels.current import installed_formats
from request_tracker_utils.labels.permissions import LabelPermission
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.error_responses import add_error
from request_tracker_utils.web.registry import settings

pages = Blueprint("creation", __name__)


@pages.get("/assets/create")
@require(AssetPermission.CREATE)
def create() -> str:
    """The form, and recent creations."""
    return _page(asset_form())


@pages.post("/assets/new")
@require(AssetPermission.CREATE)
def add() -> ResponseReturnValue:
    """The form as a browser posts it without its script."""
    form = asset_form()
    if not form.validate_on_submit():
        return _page(form), 400
    try:
        created = creator().create(validate({field: form[field].data or "" for field in FIELDS}))
    except AppError as error:
        add_error(form, error)
        return _page(form), error.status
    flash(_("Asset %(tag)s created. Print its label.", tag=created.tag), "success")
    return redirect(url_for("assets.show", asset_id=created.asset_id), 303)


def _page(form: AssetForm) -> str:
    actor = current_actor()
    since = midnight(utc_now(), settings().zone)
    with reading() as session:
        rows, count = recent_creations(session, actor, since), count_created(session, actor, since)
    return render_template(
        "assets/create.html",
        form=form,
        max_lengths=MAX_LENGTHS,
        rows=rows,
        count=count,
        formats=installed_formats().all(),
        may_print=actor.may(LabelPermission.PRINT),
    )
