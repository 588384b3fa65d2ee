"""Settings that administrators enter on a page. Browser sessions only: a person who sets the mail server can read password links."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from request_tracker_utils.administration.forms import PageSettingsForm
from request_tracker_utils.administration.permissions import AdministrationPermission
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import transaction
from request_tracker_utils.core.errors import NotFound
from request_tracker_utils.core.page_settings import Effective, InvalidSettings, SettingsChanged, SettingsGroup, is_secret
from request_tracker_utils.core.settings import Settings
from request_tracker_utils.core.translation import gettext as _, ngettext
from request_tracker_utils.web.auth import current_actor, require
from request_tracker_utils.web.registry import registry

pages = Blueprint("page_settings", __name__, url_prefix="/admin/settings")


@pages.get("/<name>")
@require(AdministrationPermission.CHANGE_SETTINGS, by_token=False)
def group(name: str) -> str:
    """The settings of a group, with their sources."""
    found = registry().page_settings.refresh()
    shown = _group_named(name)
    return _page(shown, found, PageSettingsForm.of(shown, found))


@pages.post("/<name>")
@require(AdministrationPermission.CHANGE_SETTINGS, by_token=False)
def save(name: str) -> ResponseReturnValue:
    """Stores what was entered."""
    shown, found = _group_named(name), registry().page_settings.refresh()
    form = PageSettingsForm.of(shown, found)
    if not form.validate_on_submit():
        return _page(shown, found, form), 400
    try:
        changed = _store(form.texts(), form.version.data or "")
    except InvalidSettings as error:
        form.add_problems(error.problems)
        return _page(shown, found, form), 400
    except SettingsChanged as error:
        form.form_errors.append(error.message)
        form.version.data = found.version
        return _page(shown, found, form), error.status
    count = len(changed)
    flash(ngettext("Changed one setting.", "Changed %(num)s settings.", count) if changed else _("Nothing was changed."), "success")
    return redirect(url_for(".group", name=name), 303)


@pages.post("/<name>/remove")
@require(AdministrationPermission.CHANGE_SETTINGS, by_token=False)
def remove(name: str) -> ResponseReturnValue:
    """Removes one value: its default, or the environment, applies again."""
    shown, setting = _group_named(name), request.form.get("setting", "")
    if setting not in shown.fields:
        raise NotFound(_("This page has no such setting."))
    if _store({setting: ""}, registry().page_settings.refresh().version):
        flash(_("Removed %(setting)s.", setting=setting.upper()), "success")
    return redirect(url_for(".group", name=name), 303)


def _store(texts: dict[str, str], version: str) -> list[str]:
    page_settings = registry().page_settings
    with transaction() as session:
        changed = page_settings.store(session, texts, version=version, actor=current_actor(), now=utc_now())
    page_settings.refresh()
    return changed


def _group_named(name: str) -> SettingsGroup:
    found = next((each for each in registry().page_settings.groups if each.name == name), None)
    if found is None:
        raise NotFound(_("This page of settings was not found."))
    return found


def _page(shown: SettingsGroup, found: Effective, form: PageSettingsForm) -> str:
    return render_template(
        "administration/settings-group.html",
        group=shown,
        groups=registry().page_settings.groups,
        form=form,
        found=found,
        values=found.settings.masked(),
        defaults=Settings.defaults(),
        descriptions={name: (Settings.model_fields[name].description or "").replace("`", "") for name in shown.fields},
        is_secret=is_secret,
    )
