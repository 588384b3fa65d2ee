"""The pages on which administrators enter settings: sources, errors beside fields, secrets that are never shown, and who may do it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.messages import Channel
from request_tracker_utils.core.page_settings import PageSettings, SettingsGroup
from request_tracker_utils.core.settings import Settings
from request_tracker_utils.notifications.providers.interface import Providers
from request_tracker_utils.web.registry import registry_of
from tests.services.apps import csrf_token, signed_in, token
from tests.services.tables import check_all

SECRET = "an-unguessable-secret-of-metrics"
ADDRESS = "/admin/settings/test"
TITLES = {"rt_catalog": "Catalog", "session_days": "Days", "teachers_see": "Teachers see", "metrics_token": "Token of metrics"}


@pytest.fixture
def settings(app: Flask) -> Iterator[PageSettings]:
    """A page with these settings; of them, the environment has RT_CATALOG."""
    registry = registry_of(app)
    before, base = registry.page_settings, registry.settings

    @contextmanager
    def read() -> Iterator[Session]:
        with app.app_context(), reading() as session:  # tests ask outside requests too
            yield session

    given = {*base.model_fields_set, "rt_catalog"}
    base = Settings.model_construct(given, **{**dict(base), "rt_catalog": "Equipment"})
    registry.page_settings = PageSettings(base, [SettingsGroup("test", "Test settings", TITLES)], read)
    yield registry.page_settings
    registry.page_settings = before


@pytest.fixture
def admin(app: Flask, settings: PageSettings) -> FlaskClient:
    return signed_in(app, "admin")


def page(client: FlaskClient) -> str:
    return client.get(ADDRESS).get_data(as_text=True)


def setting(text: str, name: str) -> str:
    """The part of the page about one setting, as text with its attributes."""
    return unescape(text.split(f'id="setting-{name}"', 1)[1].split('<div class="setting"', 1)[0])


def save(client: FlaskClient, **values: str) -> tuple[int, str]:
    """Fills the form in and saves it; the page that follows."""
    text = page(client)
    version = re.search(r'name="version"[^>]*value="([^"]*)"', text)
    assert version
    form = {f"field_{name}": value for name, value in values.items()}
    answer = client.post(ADDRESS, data={"version": version[1], "csrf_token": csrf_token(client, ADDRESS), **form})
    return (answer.status_code, answer.get_data(as_text=True) if answer.status_code != 303 else page(client))


def remove(client: FlaskClient, name: str) -> int:
    form = {"setting": name, "csrf_token": csrf_token(client, ADDRESS)}
    return client.post(f"{ADDRESS}/remove", data=form).status_code


def test_each_setting_says_where_its_value_comes_from_and_remove_goes_back(admin: FlaskClient, settings: PageSettings) -> None:
    status, text = save(admin, session_days="3")
    assert status == 303
    assert "Changed one setting." in text
    assert "set here" in setting(text, "session_days")
    assert 'value="3"' in setting(text, "session_days")
    assert "environment variable <code>RT_CATALOG</code>" in setting(text, "rt_catalog")
    assert "Equipment" in setting(text, "rt_catalog")
    assert "<input" not in setting(text, "rt_catalog")
    assert ">default<" in setting(text, "teachers_see")
    assert "Default: school" in setting(text, "teachers_see")
    assert settings.current().session_days == 3
    assert remove(admin, "session_days") == 303
    assert settings.current().session_days == 14
    assert ">default<" in setting(page(admin), "session_days")
    assert "Remove" not in setting(page(admin), "session_days")


def test_a_secret_is_written_and_never_shown(admin: FlaskClient, settings: PageSettings, app: Flask) -> None:
    save(admin, metrics_token=SECRET)
    status, text = save(admin, metrics_token="", session_days="5")  # an empty field leaves it as it is
    assert (status, settings.current().session_days) == (303, 5)
    secret = settings.current().metrics_token
    assert secret is not None
    assert secret.get_secret_value() == SECRET
    assert "Stored. Enter a new value to replace it." in setting(text, "metrics_token")
    status, refused = save(admin, metrics_token="another-secret-of-metrics", session_days="0")
    assert (status, "another-secret-of-metrics" in refused) == (400, False)
    read = [page(admin), admin.get("/admin/settings").get_data(as_text=True), admin.get("/admin").get_data(as_text=True)]
    for table in ("page_settings", "setting_changes", "kept_values"):
        read += [admin.get(f"/admin/data/{table}/{end}").get_data(as_text=True) for end in ("", "export/csv/")]
    assert all(SECRET not in text for text in read)
    assert "gAAAA" not in "".join(read)  # nor is it encrypted
    assert "METRICS_TOKEN" in read[1].split("Recent changes")[1]
    assert remove(admin, "metrics_token") == 303
    assert settings.current().metrics_token is None


def test_errors_are_beside_their_fields_and_nothing_is_stored(admin: FlaskClient, settings: PageSettings) -> None:
    def is_refused(name: str, value: str, problem: str) -> None:
        status, text = save(admin, **{"session_days": "7", name: value})
        assert status == 400
        assert problem in setting(text, name)
        assert 'aria-invalid="true"' in setting(text, name)
        assert settings.refresh().stored == {}

    rows = [
        ("session_days", "soon", "valid integer"),
        ("session_days", "-1", "greater than or equal to 1"),
        ("session_days", "9" * 3000, "at most 2000 characters"),
        ("session_days", "3\x00", "U+0000 (NULL)"),
        ("teachers_see", "everything", "Not a valid choice"),
        ("metrics_token", "short", "at least 16"),
    ]
    check_all(rows, is_refused)


def test_what_is_not_on_the_page_is_not_stored(admin: FlaskClient, settings: PageSettings) -> None:
    status, _text = save(
        admin, rt_catalog="Mine", secret_key="a-key-of-somebody-else", database_url="sqlite:////tmp/x", rt_url="http://x.example.org"
    )
    assert (status, settings.refresh().stored) == (303, {})
    assert remove(admin, "secret_key") == 404
    assert admin.get("/admin/settings/unknown").status_code == 404


def test_the_second_of_two_people_keeps_what_was_typed_and_is_told(admin: FlaskClient, settings: PageSettings) -> None:
    form = {"version": "an-old-version", "csrf_token": csrf_token(admin, ADDRESS), "field_session_days": "9"}
    answer = admin.post(ADDRESS, data=form)
    text = answer.get_data(as_text=True)
    assert (answer.status_code, settings.refresh().stored) == (409, {})
    assert "Another person changed these settings" in text
    assert 'value="9"' in setting(text, "session_days")
    version = re.search(r'name="version"[^>]*value="([^"]*)"', text)
    assert version
    assert admin.post(ADDRESS, data={**form, "version": version[1]}).status_code == 303
    assert settings.current().session_days == 9


def test_a_stored_value_of_another_key_is_to_be_entered_again(admin: FlaskClient, settings: PageSettings) -> None:
    save(admin, metrics_token=SECRET)
    settings.base = Settings.model_construct(
        settings.base.model_fields_set, **{**dict(settings.base), "secret_key": Settings(secret_key="a-new-secret-key-of-tests").secret_key}
    )
    text = page(admin)
    assert "Enter it again" in setting(text, "metrics_token")
    assert "enter again" in admin.get("/admin/settings").get_data(as_text=True)
    assert save(admin, metrics_token=SECRET)[0] == 303
    assert "Enter it again" not in page(admin)


def test_only_administrators_with_a_browser_change_settings(app: Flask, settings: PageSettings) -> None:
    def is_denied(role: str) -> None:
        assert signed_in(app, role, f"{role}-x").get(ADDRESS).status_code == 403

    check_all(["staff", "teacher", "student", "user"], is_denied)
    headers = token(app, "admin")
    for method, address in (("GET", ADDRESS), ("POST", ADDRESS), ("POST", f"{ADDRESS}/remove")):
        assert app.test_client().open(address, method=method, headers=headers, data={"setting": "session_days"}).status_code == 403
    assert signed_in(app, "admin").post(ADDRESS, data={"field_session_days": "1"}).status_code in (400, 403)  # without a CSRF token


def test_whoever_changes_the_mail_server_enters_its_password_again(app: Flask) -> None:
    """The pages of notifications: an administrator cannot have another one's password sent to a server of their own."""
    client, address = signed_in(app, "admin"), "/admin/settings/email"

    def post(**values: str) -> tuple[int, str]:
        text = client.get(address).get_data(as_text=True)
        version = re.search(r'name="version"[^>]*value="([^"]*)"', text)
        assert version
        form = {f"field_{name}": value for name, value in values.items()}
        answer = client.post(address, data={"version": version[1], "csrf_token": csrf_token(client, address), **form})
        return answer.status_code, answer.get_data(as_text=True)

    assert post(smtp_host="mail.school.example.org", smtp_password=SECRET)[0] == 303
    status, text = post(smtp_host="mail.mine.example.org")
    assert status == 400
    assert "Enter it again, because SMTP_HOST" in setting(text, "smtp_password")
    assert post(smtp_host="mail.mine.example.org", smtp_password=SECRET)[0] == 303
    assert post(smtp_user="tickets")[0] == 303
    with app.app_context():
        current = registry_of(app).page_settings.current()
        assert (current.smtp_host, current.smtp_user, str(current.smtp_password)) == ("mail.mine.example.org", "tickets", "**********")


def test_providers_use_what_was_entered_on_the_page(app: Flask) -> None:
    with app.app_context(), transaction() as session:
        registry = registry_of(app)
        assert [each.name for each in registry.get(Providers).of(Channel.EMAIL)] == ["folder"]
        texts = {"sendgrid_from_email": "tickets@school.example.org", "smtp_host": "mail.school.example.org"}
        version = registry.page_settings.refresh().version
        registry.page_settings.store(session, texts, version=version, actor=of_command(), now=utc_now())
    with app.app_context():
        registry.page_settings.refresh()
        assert [each.name for each in registry.get(Providers).of(Channel.EMAIL)] == ["smtp"]
        assert registry.get(Providers).sender(Channel.EMAIL) == "tickets@school.example.org"
        assert registry.settings.smtp_host is None
