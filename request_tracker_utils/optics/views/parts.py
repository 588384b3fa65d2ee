"""The list of parts, which administrators edit."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import AppError
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.optics import parts
from request_tracker_utils.optics.errors import InvalidOpticsField, OpticsPartExists, OpticsPartNotFound
from request_tracker_utils.optics.models import OTHER
from request_tracker_utils.optics.permissions import OpticsPermission
from request_tracker_utils.web.auth import require

pages = Blueprint("optics_parts", __name__, url_prefix="/optics/parts")


@pages.get("")
@require(OpticsPermission.DECIDE)
def listed() -> str:
    """The list, and a form for another part."""
    return _page()


@pages.post("")
@require(OpticsPermission.DECIDE)
def add() -> ResponseReturnValue:
    """Adds a part behind the others."""
    name = _sent_name()
    try:
        with transaction() as session:
            flash(_("%(name)s was added.", name=parts.add_part(session, name).name), "success")
    except (InvalidOpticsField, OpticsPartExists) as error:
        return _page(0, name, error), error.status
    return redirect(url_for(".listed"), 303)


@pages.post("/<int:part_id>")
@require(OpticsPermission.DECIDE)
def change(part_id: int) -> ResponseReturnValue:
    """Renames, moves or removes a part. Requests for it stay as they are."""
    name, do = _sent_name(), request.form.get("do", "")
    try:
        with transaction() as session:
            if do == "rename":
                said = _("%(name)s was saved.", name=parts.rename_part(session, part_id, name).name)
            elif do in {"up", "down"}:
                said = _("%(name)s was moved.", name=parts.move_part(session, part_id, up=do == "up").name)
            elif do == "remove":
                said = _("%(name)s was removed from the list.", name=parts.remove_part(session, part_id).name)
            else:
                raise InvalidOpticsField(_("Choose what to do with this part."), field="do")
        flash(said, "success")
    except OpticsPartNotFound as error:
        flash(error.message, "danger")
    except (InvalidOpticsField, OpticsPartExists) as error:
        return _page(part_id, name, error), error.status
    return redirect(url_for(".listed"), 303)


def _sent_name() -> str:
    return request.form.get("name", "")[:1_000]


def _page(failed: int | None = None, sent: str = "", error: AppError | None = None) -> str:
    """`failed` is the part with the error; 0 for a new one."""
    with reading() as session:
        listed = parts.list_parts(session)
    message = error.message if error else ""
    return render_template("optics/parts-list.html", parts_=listed, other=OTHER, failed=failed, sent=sent, error=message)
