"""The settings as they hold, without their secrets."""

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from request_tracker_utils.core.settings import Settings, load_settings
from tests.services.apps import WEBHOOK_TOKEN, make_app, ready, token


def row(text: str, variable: str) -> str:
    return text.split(f'<tr id="{variable}">', 1)[1].split("</tr>", 1)[0]


def test_every_setting_is_shown_with_its_source(tmp_path: Path) -> None:
    app = ready(make_app(tmp_path, app_url="https://utils.example.org", metrics_token="a-token-for-metrics"))
    text = app.test_client().get("/admin/settings", headers=token(app, "admin")).get_data(as_text=True)
    for name, field in Settings.model_fields.items():
        assert f'id="{name.upper()}"' in text
        assert str(field.description).replace("`", "").split("'")[0][:40] in text.replace("&#39;", "'").replace("&#34;", '"')
    assert ">environment<" in row(text, "APP_URL")
    assert "https://utils.example.org" in row(text, "APP_URL")
    assert ">default<" in row(text, "PORT")
    assert "8080" in row(text, "PORT")


def test_a_generated_key_counts_as_not_set(tmp_path: Path) -> None:
    app = ready(make_app(tmp_path))
    text = app.test_client().get("/admin/settings", headers=token(app, "admin")).get_data(as_text=True)
    assert ">default<" in row(text, "SECRET_KEY")
    assert "***" in row(text, "SECRET_KEY")


def test_the_page_contains_no_secret(app: Flask, client: FlaskClient) -> None:
    text = client.get("/admin/settings", headers=token(app, "admin")).get_data(as_text=True)
    assert WEBHOOK_TOKEN not in text
    assert app.config["SECRET_KEY"] not in text
    assert "***" in row(text, "WEBHOOK_TOKEN")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://utils:s3cr3t@db.example.org:5432/utils",
        "postgresql://utils:s3cr3t/with-a-slash@db.example.org/utils",
        "postgresql://db.example.org/utils?user=utils&password=s3cr3t&sslmode=require",
        "postgresql://utils@db.example.org/utils?sslpassword=s3cr3t",
    ],
)
def test_a_password_in_the_databases_address_is_masked(url: str) -> None:
    masked = load_settings({"DATABASE_URL": url}).masked()["DATABASE_URL"]
    assert "s3cr3t" not in masked
    assert "db.example.org" in masked
