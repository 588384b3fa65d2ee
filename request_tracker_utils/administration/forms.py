"""Forms of administration."""

from collections.abc import Sequence
from typing import Any, Literal, get_args, get_origin

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField, SelectField, StringField
from wtforms.fields.choices import SelectChoice

from request_tracker_utils.core.page_settings import Effective, SettingsGroup, Source, is_secret
from request_tracker_utils.core.settings import Settings

_PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class SettingField(StringField):  # type: ignore[misc]
    """The page does not say of each field that it is optional: without a value, the default applies."""


class PageSettingsForm(FlaskForm):  # type: ignore[misc]
    """The fields of a group that the environment does not set. Empty fields mean the default; an empty secret stays as it is."""

    version = HiddenField()

    @classmethod
    def of(cls, group: SettingsGroup, effective: Effective) -> "PageSettingsForm":
        """With the stored values. Secrets are never filled in."""
        open_fields = {name: title for name, title in group.fields.items() if effective.sources[name] != Source.ENVIRONMENT}
        kind = type("GroupForm", (cls,), {f"field_{name}": _field(name, title) for name, title in open_fields.items()})
        stored = {f"field_{name}": effective.stored.get(name) or "" for name in open_fields}
        form: PageSettingsForm = kind(data={**stored, "version": effective.version})
        return form

    def texts(self) -> dict[str, str]:
        """What was entered, by the name of the setting. Without secrets that stay as they are."""
        found = {field.short_name.removeprefix("field_"): field.data or "" for field in self if field.short_name.startswith("field_")}
        return {name: text for name, text in found.items() if text.strip() or not is_secret(name)}

    def add_problems(self, problems: Any) -> None:
        for name, problem in problems.items():
            field = self[f"field_{name}"]
            field.errors = [*field.errors, f"{problem}."]


def _field(name: str, title: str) -> Any:
    label = _(title)  # the title is marked where the group is declared
    if is_secret(name):
        return PasswordField(label, id=f"field-{name}", render_kw={**_PLAIN, "autocomplete": "new-password"})
    if choices := _choices(name):
        return SelectField(label, id=f"field-{name}", choices=choices)
    return SettingField(label, id=f"field-{name}", render_kw=_PLAIN)


def _choices(name: str) -> Sequence[SelectChoice]:
    """The values of a field with few; the first is its default."""
    annotation = Settings.model_fields[name].annotation
    kinds = [annotation, *get_args(annotation)]
    literals = [value for kind in kinds if get_origin(kind) is Literal for value in get_args(kind)]
    values = ["true", "false"] if bool in kinds else literals
    titles = {"true": _("on"), "false": _("off")}
    default = str(Settings.model_fields[name].default or "").lower()
    first = SelectChoice("", _("Default: %(value)s", value=titles.get(default, default)) if default else _("Default"))
    return [first, *(SelectChoice(value, titles.get(value, value)) for value in values)] if values else []
