"""The page on which labels are selected for printing, and the review of the selection."""

from dataclasses import dataclass, field

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms import IntegerField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length, NumberRange, Optional

from request_tracker_utils.asset_store.addresses import find_by_address
from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.schemas import asset_ids_in
from request_tracker_utils.asset_store.service import AssetPage
from request_tracker_utils.core.db import reading
from request_tracker_utils.core.errors import AppError, Invalid, Unavailable
from request_tracker_utils.core.scanned_text import readings
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.labels import print_history, service
from request_tracker_utils.labels.current import installed_formats, tag_lookup
from request_tracker_utils.labels.permissions import LabelPermission
from request_tracker_utils.labels.schemas import BatchRequest
from request_tracker_utils.labels.selection import MAX_ENTRIES, Selection, SelectionInput, check_label_count, select_assets
from request_tracker_utils.labels.views.printing import pages, stream_batch
from request_tracker_utils.tasks import service as tasks
from request_tracker_utils.tasks.models import ItemState
from request_tracker_utils.web.auth import require
from request_tracker_utils.web.error_responses import add_error
from request_tracker_utils.web.registry import settings

MAX_FOUND = 50
"""Assets that a search on the page shows."""


class SelectionForm(FlaskForm):  # type: ignore[misc]
    lines = TextAreaField(lazy_gettext("Tags, serial numbers or asset IDs"), [Length(max=500_000)])
    first = StringField(lazy_gettext("First tag"), [Length(max=60)])
    last = StringField(lazy_gettext("Last tag"), [Length(max=60)])
    query = StringField(lazy_gettext("Query"), [Length(max=2_000)])
    size = SelectField(lazy_gettext("Label format"))
    copies = IntegerField(
        lazy_gettext("Copies of each label"),
        [
            Optional(),
            NumberRange(1, service.MAX_COPIES, lazy_gettext("Print 1 to %(maximum)s copies of each label.", maximum=service.MAX_COPIES)),
        ],
        default=1,
    )
    skip = IntegerField(lazy_gettext("Labels to skip on the first sheet"), [Optional(), NumberRange(0, service.MAX_SKIP)], default=0)
    q = StringField(lazy_gettext("Tag, serial number or model"), [Length(max=200)])
    catalog = SelectField(lazy_gettext("Catalog"), validate_choice=False)

    def stripped(self, name: str) -> str:
        return (self[name].data or "").strip()


@dataclass
class ReviewedSelection:
    """The selected assets, or a query and how many assets it finds."""

    selection: Selection = field(default_factory=Selection)
    query: str = ""
    count: int = 0


@pages.get("/labels/batch")
@require(LabelPermission.PRINT)
def batch() -> ResponseReturnValue:
    """The form, filled with the assets that the URL names: `asset_ids`, those of a `task` or of a previous `print`."""
    form = _form()
    form.lines.data = "\n".join(_as_entries(_assets_of_url()))
    return _page(form)


@pages.post("/labels/batch/choose")
@require(LabelPermission.PRINT)
def choose() -> ResponseReturnValue:
    """Resolves the selection and prints it, unless there is something to review first. A search shows its results on the form."""
    form = _form()
    # Pressing Enter in the search field submits the form by its first button: a text not searched for yet means a search.
    if request.form.get("then") == "search" or form.stripped("q") != request.form.get("searched", ""):
        return _search(form)
    if request.form.get("then") == "back":
        return _page_with_entries(form)
    if not form.validate_on_submit():
        return _page(form), 400
    try:
        reviewed = _review(form)
        batch = _batch_request(form, reviewed)
        if request.form.get("then") == "print" and not reviewed.selection.has_warnings:
            return stream_batch(batch)
    except AppError as error:
        add_error(form, error)
        return _page(form), error.status
    return render_template("labels/review.html", form=form, reviewed=reviewed, checked=_checked_assets(), sheets=_sheets())


def _form() -> SelectionForm:
    form = SelectionForm(size=settings().label_format)
    form.size.choices = [SelectChoice(label.name, label.title) for label in installed_formats().all()]
    form.catalog.choices = [SelectChoice("", _("All catalogs")), *map(SelectChoice, _catalogs())]
    return form


def _catalogs() -> list[str]:
    """None while the asset store does not answer: a missing list of catalogs must not lose what was pasted."""
    try:
        return asset_store().catalogs()
    except Unavailable:
        return []


def _page(form: SelectionForm, found: AssetPage | None = None) -> str:
    return render_template(
        "labels/batch.html",
        form=form,
        found=found,
        checked=_checked_assets(),
        sheets=_sheets(),
        max_labels=service.MAX_LABELS,
        max_entries=MAX_ENTRIES,
        in_rt=asset_store().kind == "rt",
    )


def _sheets() -> dict[str, int]:
    """Names of the sheet formats, with their labels per sheet."""
    return {label.name: label.sheet.label_count for label in installed_formats().all() if label.sheet}


def _search(form: SelectionForm) -> str:
    typed, catalog = form.stripped("q")[:200], form.stripped("catalog")
    named = find_by_address(asset_store(), typed, settings().public_address(), catalog=catalog)
    if named is not None:
        return _page_with_entries(form, AssetPage(named, 1, more=False))
    for text in readings(typed):
        found = asset_store().search(text, catalog=catalog, page_size=MAX_FOUND)
        if found.assets:
            break
    return _page_with_entries(form, found)


def _page_with_entries(form: SelectionForm, found: AssetPage | None = None) -> str:
    """The form. Checked assets that are not in the search results are added to the list."""
    shown = {asset.id for asset in found.assets} if found else set()
    hidden = [asset_id for asset_id in _checked_assets() if asset_id not in shown]
    form.lines.data = "\n".join([*filter(None, [form.stripped("lines")]), *_as_entries(hidden)])
    return _page(form, found)


def _review(form: SelectionForm) -> ReviewedSelection:
    """Raises Invalid, and the errors of the asset store."""
    query = form.stripped("query")
    chosen = SelectionInput(form.stripped("lines"), form.stripped("first"), form.stripped("last"), _checked_assets())
    if not query:
        selection = select_assets(asset_store(), tag_lookup(), chosen, own_address=settings().public_address())
        return ReviewedSelection(selection, count=len(selection.asset_ids))
    if chosen != SelectionInput():
        message = _("A query cannot be combined with other selections. Clear the list, the range and the checkboxes, or clear the query.")
        raise Invalid(message, field="query")
    count = asset_store().count(query)
    if not count:
        raise Invalid(_("The query found no assets. Check the query."), field="query")
    check_label_count(count)
    return ReviewedSelection(query=query, count=count)


def _batch_request(form: SelectionForm, reviewed: ReviewedSelection) -> BatchRequest:
    return BatchRequest.model_construct(
        asset_ids=reviewed.selection.asset_ids,
        query=reviewed.query or None,
        total=reviewed.count,
        size=form.size.data,
        copies=form.copies.data or 1,
        skip=(form.skip.data or 0) if form.size.data in _sheets() else 0,
        autoprint=True,
    )


def _assets_of_url() -> list[int]:
    """Raises TaskNotFound, PrintNotFound."""
    task_id, print_id = (request.args.get(name, type=int) for name in ("task", "print"))
    with reading() as session:
        if task_id is not None:
            tasks.get(session, task_id)
            return asset_ids_in(str((item.result or {}).get("asset_id", "")) for item in tasks.items(session, task_id, ItemState.DONE))
        if print_id is not None:
            return print_history.printed_assets(session, print_id)
    return asset_ids_in(request.args.getlist("asset_ids"))


def _checked_assets() -> list[int]:
    return asset_ids_in(request.form.getlist("asset_ids"))


def _as_entries(asset_ids: list[int]) -> list[str]:
    """Assets as entries of the list: their tags, or their IDs."""
    tags = tag_lookup().tags_by_asset(asset_ids)
    return [tags.get(asset_id, f"#{asset_id}") for asset_id in asset_ids]
