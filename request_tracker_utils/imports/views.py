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
from request_tracker_utils.imports.current import quota
from request_tracker_utils.imports.errors import (
    ColumnsInvalid,
    ImportBusy,
    ImportContentDeleted,
    ImportNotFound,
    ImportNotPreviewed,
    ImportNotUndoable,
    ImportQuotaExceeded,
)
from request_tracker_utils.imports.identifiers import zeros_found
from request_tracker_utils.imports.permissions import ImportPermission
from request_tracker_utils.imports.report import MAX_PROBLEMS, report_from
from request_tracker_utils.imports.row_types import RowType, RowTypes
from request_tracker_utils.imports.uploads import Upload, inspected, read_chunks
from request_tracker_utils.tasks import service as tasks
from request_tracker_utils.tasks.models import OPEN
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.error_responses import TooLarge, add_error, handle_app_error
from request_tracker_utils.web.exports import csv_response
from request_tracker_utils.web.paging import row_id
from request_tracker_utils.web.registry import registry

MAX_FILE_SIZE = 64 * 1024 * 1024
"""Bytes."""
FORM_SIZE = 64 * 1024
"""Bytes of an upload beside the file itself."""
PROBLEMS_SHOWN = 200
"""The CSV file has all stored problems."""

FILES_SHOWN = 50
OPTIONS = ("deactivate_missing", "match_zeros")

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
    address of an uploaded file. The endpoints are `upload_form`, `upload`, `files`, `show`, `preview`, `start_import`, `undo_import`,
    `discard`, `problems`."""
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
    upload_form, upload = partial(_upload_form), partial(_upload)  # `require` marks functions, and other domains have other permissions
    for row_type, rule in uploads.items():
        add("GET", rule, "upload_form", upload_form, row_type=row_type)
        add("POST", rule, "upload", upload, row_type=row_type)
    add("GET", files, "files", partial(_files, of_domain))
    add("POST", f"{files}/<int:file_id>/delete", "discard", partial(_discard, of_domain))
    add("GET", f"{files}/<int:file_id>", "show", partial(_show, of_domain))
    add("POST", f"{files}/<int:file_id>/preview", "preview", partial(_preview, of_domain))
    add("POST", f"{files}/<int:file_id>/import", "start_import", partial(_start_import, of_domain))
    add("POST", f"{files}/<int:file_id>/imports/<int:import_id>/undo", "undo_import", partial(_undo_import, of_domain))
    add("GET", f"{files}/<int:file_id>/problems.csv", "problems", partial(_problems, of_domain))
    return pages


def _upload_form(row_type: str) -> str:
    return _form_page(UploadForm(), _row_type(row_type))


def _upload(row_type: str) -> ResponseReturnValue:
    """Stores the columns of the file that its header row names, and shows it.

    If they are to be chosen, nothing is stored: the page asks for them, and for the file again. The file that comes with them is previewed
    at once.
    """
    form, rows = UploadForm(), _row_type(row_type)
    try:
        uploaded = form.uploaded()
        with inspected(read_chunks(uploaded.stream), rows.aliases) as upload:
            return _store(form, rows, upload, uploaded.filename or "")
    except (Invalid, ImportQuotaExceeded) as error:
        add_error(form, error)
        return _form_page(form, rows), error.status


def _store(form: UploadForm, rows: RowType, upload: Upload, source: str) -> ResponseReturnValue:
    layout, sent, actor, now = upload.layout, request.form, current_actor(), utc_now()
    columns, header = layout.columns, None
    if "chosen" in sent:
        header = layout.sample[0] if "first_row_is_header" in sent else None
        try:
            columns = _mapped_columns(sent, rows.fields)
            file = service.store(transaction, upload, rows, columns, source=source, actor=actor, now=now, quota=quota(), header=header)
        except ColumnsInvalid as error:
            add_error(form, error)
            return _columns_page(form, rows, upload, columns), error.status
        with transaction() as session:
            options = {name: name in sent for name in OPTIONS}
            service.map_columns(session, file.id, rows, file.columns, **options)
            task = service.start_preview(session, file.id, rows, actor=actor, now=now)
        return _to_task(task.id)
    if "choose" in sent or rows.key_field not in columns:
        return _columns_page(form, rows, upload, columns)
    file = service.store(transaction, upload, rows, columns, source=source, actor=actor, now=now, quota=quota())
    return redirect(url_for(".show", file_id=file.id), 303)


def _columns_page(form: UploadForm, rows: RowType, upload: Upload, columns: Mapping[str, int]) -> str:
    """Asks for the columns. The page shows the first rows of the file, which are stored nowhere."""
    layout = upload.layout
    width = max(map(len, [layout.header, *layout.sample]))
    return render_template("imports/columns.html", form=form, row_type=rows, layout=layout, columns=columns, width=width)


def _files(of_domain: RowTypeNames) -> str:
    """The person's uploaded files; for administrators, everybody's."""
    before, actor = request.args.get("before", type=row_id), current_actor()
    with reading() as session:
        found = service.newest(session, of_domain, reader=actor, before=before, limit=FILES_SHOWN + 1)
        size = quota().used(session, actor)
    return render_template(
        "imports/files.html",
        files=found[:FILES_SHOWN],
        more=len(found) > FILES_SHOWN,
        before=before,
        size=size,
        quota=quota(),
        of_all=actor.may(ImportPermission.MANAGE_ALL),
    )


def _discard(of_domain: RowTypeNames, file_id: int) -> ResponseReturnValue:
    """Deletes an uploaded file, or the rows of one whose import can still be undone."""
    try:
        with transaction() as session:
            name = service.name_of(service.get(session, file_id, of_domain, reader=current_actor()))
            service.discard(session, file_id)
        flash(_("%(file)s was deleted.", file=name), "success")
    except ImportBusy as error:
        flash(error.message, "danger")
    return redirect(url_for(".files"), 303)


def _show(of_domain: RowTypeNames, file_id: int) -> str:
    """The file: its columns, its planned or applied changes, and its problems."""
    with reading() as session:
        file = service.get(session, file_id, of_domain, reader=current_actor())
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
        width=service.width(file),
    )


def _preview(of_domain: RowTypeNames, file_id: int) -> ResponseReturnValue:
    """Maps the columns, and starts the task that previews the file's changes."""
    form = request.form
    try:
        with transaction() as session:
            file = service.get(session, file_id, of_domain, reader=current_actor())
            row_type = _row_type(file.subject)
            columns = _mapped_columns(form, row_type.fields)
            service.map_columns(session, file_id, row_type, columns, **{name: name in form for name in OPTIONS})
            task = service.start_preview(session, file_id, row_type, actor=current_actor(), now=utc_now())
    except (Invalid, ImportContentDeleted) as error:
        flash(error.message, "danger")
        return redirect(url_for(".show", file_id=file_id), 303)
    except ImportBusy as error:
        return _to_task(error.fields["task_id"])
    return _to_task(task.id)


def _start_import(of_domain: RowTypeNames, file_id: int) -> ResponseReturnValue:
    """Starts the task that imports the file. A second click redirects to the same task."""
    try:
        with transaction() as session:
            row_type = _row_type(service.get(session, file_id, of_domain, reader=current_actor()).subject)
            task = service.start_import(session, file_id, row_type, actor=current_actor(), now=utc_now())
    except ImportBusy as error:
        return _to_task(error.fields["task_id"])
    except (ImportContentDeleted, ImportNotPreviewed) as error:
        flash(error.message, "danger")
        return redirect(url_for(".show", file_id=file_id), 303)
    return _to_task(task.id)


def _undo_import(of_domain: RowTypeNames, file_id: int, import_id: int) -> ResponseReturnValue:
    """Starts the task that undoes an import of the file. A second click redirects to the same task."""
    try:
        with transaction() as session:
            row_type = _row_type(service.get(session, file_id, of_domain, reader=current_actor()).subject)
            run, _file = undo.get(session, import_id)
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
        report = report_from(service.get(session, file_id, of_domain, reader=current_actor()).report)
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
    chooses = "choose" in request.values
    return render_template("imports/upload.html", form=form, row_type=row_type, recent=recent, chooses=chooses)
