"""The page on which somebody says whose labels to print, and what is told before they are printed."""

from dataclasses import dataclass, field

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import IntegerField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length, NumberRange, Optional

from request_tracker_utils.asset_store.current import asset_store
from request_tracker_utils.asset_store.schemas import numbers_of
from request_tracker_utils.asset_store.service import AssetPage
from request_tracker_utils.core.db import reading
from request_tracker_utils.core.errors import AppError, Invalid, Unavailable
from request_tracker_utils.labels import choice, record, service
from request_tracker_utils.labels.current import catalogue, tagbook
from request_tracker_utils.labels.pasted import MOST_ENTRIES
from request_tracker_utils.labels.permissions import LabelPermission
from request_tracker_utils.labels.schemas import MOST_COPIES, MOST_SKIPPED, BatchLabels
from request_tracker_utils.labels.views.labels import pages, streamed_batch
from request_tracker_utils.tasks import service as tasks
from request_tracker_utils.tasks.models import ItemState
from request_tracker_utils.web.auth import require
from request_tracker_utils.web.forms import add_error
from request_tracker_utils.web.registry import settings

FOUND = 50
"""Assets that a search on the page shows."""
_COPIES = f"Print 1 to {MOST_COPIES} copies of each label."


class BatchForm(FlaskForm):  # type: ignore[misc]
    lines = TextAreaField("Tags, serial numbers or numbers of assets", [Length(max=500_000)])
    first = StringField("First tag", [Length(max=60)])
    last = StringField("Last tag", [Length(max=60)])
    query = StringField("Query", [Length(max=2_000)])
    size = SelectField("Label")
    copies = IntegerField("Copies of each", [Optional(), NumberRange(1, MOST_COPIES, _COPIES)], default=1)
    skip = IntegerField("Labels missing from the first sheet", [Optional(), NumberRange(0, MOST_SKIPPED)], default=0)
    q = StringField("Tag, serial number or model", [Length(max=200)])
    catalog = SelectField("Catalog", validate_choice=False)

    def written(self, name: str) -> str:
        """What was written into a field, without blanks around."""
        return (self[name].data or "").strip()


@dataclass
class Whose:
    """What the form names: assets, or a query that finds so many; and what has to be told of it."""

    chosen: choice.Chosen = field(default_factory=choice.Chosen)
    query: str = ""
    count: int = 0


@pages.get("/labels/batch")
@require(LabelPermission.PRINT)
def batch() -> ResponseReturnValue:
    """The form. It begins with assets that the address names: `asset_ids`, those of a `task` or of an earlier `print`."""
    form = _form()
    form.lines.data = "\n".join(_written(_named_by_address()))
    return _page(form)


@pages.post("/labels/batch/choose")
@require(LabelPermission.PRINT)
def choose() -> ResponseReturnValue:
    """Makes out whose labels are wanted, and tells what it could not make out; nothing is printed over that. A search shows what it
    finds on the form."""
    form = _form()
    # Enter in the field of the search sends the form by its first button: a text that was not searched for yet is meant.
    if request.form.get("then") == "search" or form.written("q") != request.form.get("searched", ""):
        return _searched(form)
    if request.form.get("then") == "back":
        return _listed(form)
    if not form.validate_on_submit():
        return _page(form), 400
    try:
        whose = _whose(form)
        wanted = _wanted(form, whose)
        if request.form.get("then") == "print" and not whose.chosen.has_remarks:
            return streamed_batch(wanted)
    except AppError as error:
        add_error(form, error)
        return _page(form), error.status
    return render_template("labels/review.html", form=form, whose=whose, ticked=_ticked(), sheets=_sheets())


def _form() -> BatchForm:
    form = BatchForm(size=settings().label_format)
    form.size.choices = [SelectChoice(label.name, label.title) for label in catalogue().all()]
    form.catalog.choices = [SelectChoice("", "All catalogs"), *map(SelectChoice, _catalogs())]
    return form


def _catalogs() -> list[str]:
    """None while the directory does not answer: what somebody has pasted must not be lost for want of a list."""
    try:
        return asset_store().catalogs()
    except Unavailable:
        return []


def _page(form: BatchForm, found: AssetPage | None = None) -> str:
    return render_template(
        "labels/batch.html",
        form=form,
        found=found,
        ticked=_ticked(),
        sheets=_sheets(),
        most_labels=service.MOST_LABELS,
        most_entries=MOST_ENTRIES,
        in_rt=asset_store().kind == "rt",
    )


def _sheets() -> dict[str, int]:
    """Formats whose labels share a page, with how many do."""
    return {label.name: label.sheet.places for label in catalogue().all() if label.sheet}


def _searched(form: BatchForm) -> str:
    found = asset_store().search(form.written("q")[:200], catalog=form.written("catalog"), page_size=FOUND)
    return _listed(form, found)


def _listed(form: BatchForm, found: AssetPage | None = None) -> str:
    """The form; what was ticked and is not to be seen any more is added to the list."""
    shown = {asset.id for asset in found.assets} if found else set()
    gone = [asset_id for asset_id in _ticked() if asset_id not in shown]
    form.lines.data = "\n".join([*filter(None, [form.written("lines")]), *_written(gone)])
    return _page(form, found)


def _whose(form: BatchForm) -> Whose:
    """Raises Invalid; what the directory raises."""
    query = form.written("query")
    wish = choice.Wish(form.written("lines"), form.written("first"), form.written("last"), _ticked())
    if not query:
        chosen = choice.choose(asset_store(), tagbook(), wish)
        return Whose(chosen, count=len(chosen.asset_ids))
    if wish != choice.Wish():
        raise Invalid("A query stands alone: empty the list and the range, untick what is ticked, or take the query away.", field="query")
    count = asset_store().count(query)
    if not count:
        raise Invalid("The query finds no asset.", field="query")
    choice.check_count(count)
    return Whose(query=query, count=count)


def _wanted(form: BatchForm, whose: Whose) -> BatchLabels:
    return BatchLabels.model_construct(
        asset_ids=whose.chosen.asset_ids,
        query=whose.query or None,
        total=whose.count,
        size=form.size.data,
        copies=form.copies.data or 1,
        skip=(form.skip.data or 0) if form.size.data in _sheets() else 0,
        autoprint=True,
    )


def _named_by_address() -> list[int]:
    """Raises TaskNotFound, PrintNotFound."""
    task, earlier = (request.args.get(name, type=int) for name in ("task", "print"))
    with reading() as session:
        if task is not None:
            tasks.get(session, task)
            return numbers_of(str((item.result or {}).get("asset_id", "")) for item in tasks.items(session, task, ItemState.DONE))
        if earlier is not None:
            return record.assets_of(session, earlier)
    return numbers_of(request.args.getlist("asset_ids"))


def _ticked() -> list[int]:
    return numbers_of(request.form.getlist("asset_ids"))


def _written(asset_ids: list[int]) -> list[str]:
    """Assets as they stand in the list: by their tags, or by their numbers."""
    tags = tagbook().tags_of(asset_ids)
    return [tags.get(asset_id, f"#{asset_id}") for asset_id in asset_ids]
