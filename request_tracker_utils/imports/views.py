"""The pages of an import: a file is uploaded, its columns are mapped, its changes are previewed, and a task imports it."""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from functools import partial
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge
from wtforms.validators import InputRequired

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Invalid
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.imports import service, undo
from request_tracker_utils.imports.errors import ColumnsInvalid, ImportBusy, ImportNotFound, ImportNotPreviewed, ImportNotUndoable
from request_tracker_utils.imports.identifiers import zeros_found
from request_tracker_utils.imports.report import MAX_PROBLEMS, report_from
from request_tracker_utils.imports.row_types import RowType, RowTypes
from request_tracker_utils.imports.uploads import read_chunks
from request_tracker_utils.tasks import service as tasks
from request_tracker_utils.tasks.models import OPEN
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.error_responses import TooLarge, add_error, handle_app_error
from request_tracker_utils.web.exports import csv_response
from request_tracker_utils.web.registry import registry

MAX_FILE_SIZE = 64 * 1024 * 1024
"""Bytes."""
FORM_SIZE = 64 * 1024
"""Bytes of an upload beside the file itself."""
PROBLEMS_SHOWN = 200
"""The CSV file has all stored problems."""

RowTypeNames = frozenset[str]


class UploadForm(FlaskForm):  # type: ignore[misc]
    file = FileField(lazy_gettext("CSV file"), [InputRequired()])

    def uploaded(self) -> FileStorage:
        """The chosen file. Raises Invalid."""
        file: FileStorage | None = self.file.data
        if file is None or not file.filename:
            raise Invalid(_("Choose a file, or drop one here."), field="file")
        return file


def import_pages(name: str, *, permission: StrEnum, uploads: Mapping[str, str], files: str) -> Blueprint:
    """The pages for a domain's row types. `uploads` maps the name of a row type to the address of its upload form, and `files` begins the
    address of an uploaded file. The endpoints are `upload_form`, `upload`, `show`, `preview`, `start_import`, `undo_import`, `problems`."""
    pages = Blueprint(name, __name__)
    of_domain: RowTypeNames = frozenset(uploads)

    def add(method: str, rule: str, endpoint: str, view: Callable[..., ResponseReturnValue], **defaults: str) -> None:
        pages.add_url_rule(rule, endpoint, require(permission)(view), methods=[method], defaults=defaults)

    def allow_upload(endpoint: str | None, _values: dict[str, Any] | None) -> None:
        """Before the guard reads the form: the CSRF token is in the same body as the file."""
        if endpoint == f"{name}.upload":
            request.max_content_length = MAX_FILE_SIZE + FORM_SIZE

    pages.url_value_preprocessor(allow_upload)
    pages.register_error_handler(RequestEntityTooLarge, _too_large)
    for row_type, rule in uploads.items():
        add("GET", rule, "upload_form", _upload_form, row_type=row_type)
        add("POST", rule, "upload", _upload, row_type=row_type)
    add("GET", f"{files}/<int:file_id>", "show", partial(_show, of_domain))
    add("POST", f"{files}/<int:file_id>/preview", "preview", partial(_preview, of_domain))
    add("POST", f"{files}/<int:file_id>/import", "start_import", partial(_start_import, of_domain))
    add("POST", f"{files}/<int:file_id>/imports/<int:import_id>/undo", "undo_import", partial(_undo_import, of_domain))
    add("GET", f"{files}/<int:file_id>/problems.csv", "problems", partial(_problems, of_domain))
    return pages


def _upload_form(row_type: str) -> str:
    return _form_page(UploadForm(), _row_type(row_type))


def _upload(row_type: str) -> ResponseReturnValue:
    """Stores the file and shows it."""
    form, rows = UploadForm(), _row_type(row_type)
    try:
        uploaded = form.uploaded()
        chunks = read_chunks(uploaded.stream)  # type: ignore[arg-type]
        file = service.store(transaction, chunks, rows, source=uploaded.filename or "", actor=current_actor(), now=utc_now())
    except Invalid as error:
        add_error(form, error)
        return _form_page(form, rows), error.status
    return redirect(url_for(".show", file_id=file.id), 303)


def _show(of_domain: RowTypeNames, file_id: int) -> str:
    """The file: its columns, its planned or applied changes, and its problems."""
    with reading() as session:
        file = service.get(session, file_id, of_domain)
        task = tasks.get(session, file.task_id) if file.task_id else None
        is_busy = task is not None and task.state in OPEN
        row_type = _row_type(file.subject)
        runs = [] if is_busy else undo.of_file(session, file_id)
        undoable = next((run for run in runs if run.undone_at is None), None)
        refusal = undo.refusal(session, undoable, row_type) if undoable else ""
    report = report_from(file.report)
    return render_template(
        "imports/file.html",
        file=file,
        row_type=row_type,
        task=task,
        is_busy=is_busy,
        runs=runs,
        undoable=undoable,
        refusal=refusal,
        retention_days=service.RETENTION.days,
        report=report,
        zeros=zeros_found(report) if report.zeros else "",
        problems=report.problems[:PROBLEMS_SHOWN],
        max_problems=MAX_PROBLEMS,
        width=max(map(len, [file.head, *file.sample])),
    )


def _preview(of_domain: RowTypeNames, file_id: int) -> ResponseReturnValue:
    """Maps the columns, and starts the task that previews the file's changes."""
    form = request.form
    try:
        with transaction() as session:
            file = service.get(session, file_id, of_domain)
            row_type = _row_type(file.subject)
            columns = _mapped_columns(form, row_type.fields)
            header = file.sample[0] if "first_row_is_header" in form else None
            options = {name: name in form for name in ("deactivate_missing", "match_zeros")}
            service.map_columns(session, file_id, row_type, columns, **options, header=header)
            task = service.start_preview(session, file_id, row_type, actor=current_actor(), now=utc_now())
    except Invalid as error:
        flash(error.message, "danger")
        return redirect(url_for(".show", file_id=file_id), 303)
    except ImportBusy as error:
        return _to_task(error.fields["task_id"])
    return _to_task(task.id)


def _start_import(of_domain: RowTypeNames, file_id: int) -> ResponseReturnValue:
    """Starts the task that imports the file. A second click redirects to the same task."""
    try:
        with transaction() as session:
            row_type = _row_type(service.get(session, file_id, of_domain).subject)
            task = service.start_import(session, file_id, row_type, actor=current_actor(), now=utc_now())
    except ImportBusy as error:
        return _to_task(error.fields["task_id"])
    except ImportNotPreviewed as error:
        flash(error.message, "danger")
        return redirect(url_for(".show", file_id=file_id), 303)
    return _to_task(task.id)


def _undo_import(of_domain: RowTypeNames, file_id: int, import_id: int) -> ResponseReturnValue:
    """Starts the task that undoes an import of the file. A second click redirects to the same task."""
    try:
        with transaction() as session:
            run, _file = undo.get(session, import_id)
            row_type = _row_type(service.get(session, file_id, of_domain).subject)
            if run.roster_id != file_id:
                raise ImportNotFound(_("Import %(id)s is not an import of this file.", id=import_id))
            task = undo.start(session, import_id, row_type, actor=current_actor(), now=utc_now())
    except ImportBusy as error:
        return _to_task(error.fields["task_id"])
    except ImportNotUndoable as error:
        flash(error.message, "danger")
        return redirect(url_for(".show", file_id=file_id), 303)
    return _to_task(task.id)


def _problems(of_domain: RowTypeNames, file_id: int) -> Response:
    with reading() as session:
        report = report_from(service.get(session, file_id, of_domain).report)
    rows = ((each.line, each.name, each.message) for each in report.problems)
    return csv_response("problems", ("line", "name", "problem"), rows, what="problems of an import")


def _too_large(_error: RequestEntityTooLarge) -> ResponseReturnValue:
    return handle_app_error(
        TooLarge(
            _(
                "The file is larger than 64 MB. Remove the columns that are not needed, "
                "or import it on the server with `rtutils students import` or `rtutils devices import`."
            )
        )
    )


def _mapped_columns(form: Mapping[str, str], fields: Iterable[str]) -> dict[str, int]:
    """Field → the column that was chosen for it. Raises ColumnsInvalid."""
    chosen = {field: form.get(field, "") for field in fields}
    for field, value in chosen.items():
        if value and not (value.isascii() and value.isdigit() and len(value) < 4):
            raise ColumnsInvalid(_("The file does not have this column. Choose another column."), field=field)
    return {field: int(value) for field, value in chosen.items() if value}


def _row_type(name: str) -> RowType:
    return registry().get(RowTypes).named(name)


def _to_task(task_id: int) -> ResponseReturnValue:
    return redirect(url_for("tasks.show", task_id=task_id), 303)


def _form_page(form: UploadForm, row_type: RowType) -> str:
    with reading() as session:
        recent = service.recent(session, current_actor(), row_type)
    return render_template("imports/upload.html", form=form, row_type=row_type, recent=recent)
