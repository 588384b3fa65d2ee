"""The page on which a technician creates one asset after the other. Its script talks to the JSON routes; without it a form is sent."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.assets import recent
from request_tracker_utils.assets.current import creator
from request_tracker_utils.assets.fields import FIELDS, LONGEST, REQUIRED, SERIAL, checked
from request_tracker_utils.assets.permissions import AssetPermission
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.labels.current import installed_formats
from request_tracker_utils.labels.permissions import LabelPermission
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.forms import add_error
from request_tracker_utils.web.registry import settings

pages = Blueprint("creation", __name__)


class AssetForm(FlaskForm):  # type: ignore[misc]
    """Named like the fields of the JSON route. What holds for them is checked in one place, whichever way an asset comes."""

    serial_number = StringField("Serial number", render_kw={"autofocus": True, "autocapitalize": "characters", "pattern": SERIAL.pattern})
    internal_name = StringField("Internal name")
    manufacturer = StringField("Manufacturer")
    model = StringField("Model")
    category = StringField("Category")
    funding_source = StringField("Funding source")
    catalog = SelectField("Catalog")


@pages.get("/assets/create")
@require(AssetPermission.CREATE)
def create() -> str:
    """The form, and what was created lately."""
    return _page(_form())


@pages.get("/assets/new")
@require(AssetPermission.CREATE)
def new() -> ResponseReturnValue:
    """Where the form was once."""
    return redirect(url_for(".create"), 301)


@pages.post("/assets/new")
@require(AssetPermission.CREATE)
def add() -> ResponseReturnValue:
    """The form as a browser sends it without its script."""
    form = _form()
    if not form.validate_on_submit():
        return _page(form), 400
    try:
        made = creator().create(checked({field: form[field].data or "" for field in FIELDS}))
    except AppError as error:
        add_error(form, error)
        return _page(form), error.status
    flash(f"{made.tag} is added. Print its label now.", "success")
    return redirect(url_for("assets.show", asset_id=made.asset_id), 303)


def _form() -> AssetForm:
    form = AssetForm(catalog=settings().rt_catalog)
    form.catalog.choices = asset_store().catalogs()
    for name in REQUIRED:
        form[name].flags.required = True  # for the page alone: what is wrong with a value is said in one place
    return form


def _page(form: AssetForm) -> str:
    now, actor = utc_now(), current_actor()
    since = recent.midnight(now, settings().zone)
    with reading() as session:
        rows, count = recent.recent(session, actor, since), recent.created_since(session, actor, since)
    may_print = actor.may(LabelPermission.PRINT)
    return render_template(
        "assets/create.html", form=form, longest=LONGEST, rows=rows, count=count, formats=installed_formats().all(), may_print=may_print
    )
