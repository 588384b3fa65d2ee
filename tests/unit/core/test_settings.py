"""Settings are read once, and wrong ones are listed together."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from request_tracker_utils.core.settings import Settings, SettingsError, load_settings
from tests.services.tables import check_all


def problems(**environ: str) -> list[str]:
    with pytest.raises(SettingsError) as error:
        load_settings(environ)
    return error.value.problems


def test_nothing_has_to_be_set() -> None:
    settings = load_settings({})
    assert (settings.host, settings.port, settings.prefix, settings.rt_url) == ("127.0.0.1", 8080, "W12-", None)


def test_all_invalid_settings_are_reported_together() -> None:
    wrong = {
        "PORT": "x",
        "TIMEZONE": "Mars/Base",
        "PREFIX": "W12",
        "DATABASE_URL": "mysql://x",
        "RT_URL": "http://rt.example",
        "LOG_LEVEL": "LOUD",
    }
    assert sorted(line.split(":")[0] for line in problems(**wrong)) == [
        "DATABASE_URL",
        "LOG_LEVEL",
        "PORT",
        "PREFIX",
        "RT_TOKEN",
        "TIMEZONE",
    ]


@pytest.mark.parametrize("url", ["ftp://rt", "rt.example.org", "http://", "https://user:secret@rt.example.org"])
def test_an_address_has_to_be_one(url: str) -> None:
    assert problems(RT_URL=url, RT_TOKEN="1-2-x")[0].startswith("RT_URL")


def test_a_wrong_secret_is_not_repeated() -> None:
    lines = problems(RT_URL="https://u:hunter2secret@rt", RT_TOKEN="1-2-topsecret", WEBHOOK_TOKEN="short", PORT="0")
    assert not any(secret in line for line in lines for secret in ("hunter2secret", "topsecret", "'short'"))


def test_the_environment_overrides_the_secrets_file(tmp_path: Path) -> None:
    file = tmp_path / "secrets.env"
    file.write_text('RT_TOKEN="1-2-from$file"\nPORT=9000\n# a comment\n')
    settings = load_settings({"SECRETS_FILE": str(file), "PORT": "9001", "RT_URL": "https://rt.example.org/"})
    assert settings.rt_token is not None
    assert (settings.rt_token.get_secret_value(), settings.port, settings.rt_url) == ("1-2-from$file", 9001, "https://rt.example.org")


def test_a_missing_secrets_file_is_said() -> None:
    assert problems(SECRETS_FILE="/nowhere/secrets.env")[0].startswith("SECRETS_FILE")


def test_secrets_are_masked_in_every_view() -> None:
    settings = load_settings(
        {"RT_URL": "https://rt", "RT_TOKEN": "1-2-topsecret", "SECRET_KEY": "k" * 40, "DATABASE_URL": "postgresql://u:dbsecret@h/n"}
    )
    shown = f"{settings.masked()} {settings!r}"
    assert "topsecret" not in shown
    assert "k" * 40 not in shown
    assert "dbsecret" not in str(settings.masked())
    assert settings.masked()["DATABASE_URL"] == "postgresql+psycopg://u:***@h/n"


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://ada:dbsecret@host/name",
        "postgresql://ada@host:dbsecret@host.example/name",
        "postgresql://ada:db/dbsecret@host/name",
        "postgresql://host/name?user=ada&password=dbsecret",
        "postgresql://host/name?p%61ssword=dbsecret",
        "postgresql://ada@host/name?sslpassword=dbsecret&sslmode=require",
    ],
)
def test_database_urls_never_reveal_passwords(address: str) -> None:
    shown = load_settings({"DATABASE_URL": address}).masked()["DATABASE_URL"]
    assert "dbsecret" not in shown
    assert "name" in shown


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        load_settings({}).port = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TIMEZONE", "Europe"),
        ("RT_TOKEN", "1-2-with blank"),
        ("RT_SERIAL_FIELD", "it's"),
        ("RT_CA_BUNDLE", "/nowhere.pem"),
        ("DATABASE_URL", "postgresql://u@h:port/n"),
        ("WEBHOOK_TOKEN", "schlüssel-mit-umlaut"),
        ("THREADS", "1"),
        ("RT_TIMEOUT", "600"),
    ],
)
def test_settings_that_would_fail_later_are_rejected_at_startup(name: str, value: str) -> None:
    assert problems(**{name: value})[0].startswith(f"{name}: ")


def test_an_empty_variable_is_none(tmp_path: Path) -> None:
    assert load_settings({"PORT": "", "RT_URL": ""}).port == 8080


def test_where_the_database_lies() -> None:
    assert load_settings({"INSTANCE_PATH": "/data"}).database_file == Path("/data/database.sqlite")
    assert load_settings({"DATABASE_PATH": "/x/y.sqlite"}).sqlalchemy_url == "sqlite:////x/y.sqlite"
    assert load_settings({"DATABASE_URL": "postgres://h/n"}).database_file is None


def test_each_setting_says_what_it_is_for() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_the_reference_in_the_documentation_is_complete_and_true() -> None:
    from request_tracker_utils.core.settings import reference

    page = Path("docs/settings.md").read_text(encoding="utf-8")
    assert reference() in page, "run `python -m tests.services.settings_page` to renew docs/settings.md"


def test_two_settings_for_one_custom_field_are_rejected() -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({"RT_CATEGORY_FIELD": "model"})
    assert refused.value.problems == [
        "RT_CATEGORY_FIELD: RT_MODEL_FIELD already names the field model. Choose a different field for each setting."
    ]


def test_settings_of_providers_that_cannot_work_are_refused() -> None:
    def refused(name: str, value: str) -> None:
        [problem] = problems(**{name: value})
        assert problem.startswith(f"{name}: ")
        assert "secret" not in problem

    check_all(
        [
            ("SENDGRID_FROM_EMAIL", "tickets"),
            ("SENDGRID_FROM_EMAIL", "Tickets <tickets>"),
            ("SENDGRID_FROM_EMAIL", "tickets@school.example.org, eve@example.org"),
            ("SENDGRID_FROM_EMAIL", "Tickets <tickets@school.example.org>\nBcc: eve@example.org"),
            ("SMTP_FROM", "@school.example.org"),
            ("SMTP_HOST", "https://mail.school.example.org"),
            ("SMTP_HOST", "mail.school.example.org secret"),
            ("SMTP_PORT", "0"),
            ("SMTP_TLS", "ssl"),
            ("SMTP_USER", "tickets\r\nsecret"),
            ("RESEND_API_KEY", "re_ secret"),
            ("RESEND_API_URL", "ftp://example.org"),
            ("TWILIO_ACCOUNT_SID", "secret"),
            ("TWILIO_PHONE_NUMBER", "2025550100"),
            ("TWILIO_PHONE_NUMBER", "+1 202 555 0100"),
            ("TWILIO_PHONE_NUMBER", "MGshort"),
        ],
        refused,
    )
    fits = {
        "SENDGRID_FROM_EMAIL": '"Tickets, School" <tickets@school.example.org>',
        "SMTP_HOST": "10.0.0.5",
        "TWILIO_PHONE_NUMBER": "+12025550100",
    }
    assert load_settings(fits).sendgrid_from_email == fits["SENDGRID_FROM_EMAIL"]
    masked = load_settings({"NOTIFY_URLS": "slack://secret", "SMTP_PASSWORD": "secret"}).masked()
    assert (masked["NOTIFY_URLS"], masked["SMTP_PASSWORD"]) == ("***", "***")


def test_settings_of_workdays_and_the_crm_that_cannot_work_are_refused() -> None:
    def refused(name: str, value: str) -> None:
        [problem] = problems(**{"CRM_API_TOKEN": "t", name: value})
        assert problem.startswith(f"{name}: ")
        assert "secret" not in problem

    check_all(
        [
            ("WORKDAY_BEGINS", "4"),
            ("WORKDAY_BEGINS", "24:00"),
            ("WORK_START_TIME", "8:60"),
            ("WORK_START_TIME", "08:00:30"),
            ("WORK_END_TIME", "08:00"),
            ("PUNCH_REPEAT_SECONDS", "-1"),
            ("OUTLIER_EMAIL_RECIPIENTS", "office@example.org, nobody"),
            ("CRM_API_URL", "crm.example.org"),
            ("CRM_API_URL", "https://ada:secret@crm.example.org/"),
            ("CRM_API_URL", "http://crm.example.org/"),
            ("CRM_API_URL", "HTTP://crm.example.org/"),
            ("CRM_API_TOKEN", "two secrets"),
            ("CRM_SYNC_BATCH_SIZE", "0"),
            ("CRM_REQUEST_TIMEOUT", "121"),
            ("CRM_MAX_RETRIES", "0"),
        ],
        refused,
    )
    assert problems(CRM_API_URL="https://crm.example.org/") == [
        "CRM_API_TOKEN: required with CRM_API_URL. Create a token in the CRM for this program."
    ]


def test_the_address_of_the_crm_keeps_its_last_slash_and_may_be_plain_http_on_request() -> None:
    settings = load_settings(
        {"CRM_API_URL": "http://crm.example.org/api/", "CRM_API_TOKEN": "secret", "CRM_ALLOW_HTTP": "true", "WORK_START_TIME": "7:30"}
    )
    assert settings.crm_api_url == "http://crm.example.org/api/"
    assert (settings.masked()["CRM_API_TOKEN"], settings.masked()["WORK_START_TIME"]) == ("***", "07:30")
