"""All settings, read once from the environment and `SECRETS_FILE`. Frozen; all errors are reported together."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, FilePath, SecretStr, ValidationError

from request_tracker_utils.core.setting_types import (
    Address,
    CustomField,
    Database,
    EmailAddresses,
    Host,
    Names,
    Networks,
    Prefix,
    PublicKey,
    Sender,
    StudentUser,
    TimeZone,
    Token,
    WebhookSecret,
    masked_database,
    masked_value,
)

# In a checkout, templates, static files, migrations and the files for Request Tracker are beside the package; in a wheel, inside it.
_PACKAGE = Path(__file__).resolve().parent.parent
_ROOT = _PACKAGE if (_PACKAGE / "templates").is_dir() else _PACKAGE.parent

TEMPLATES = _ROOT / "templates"
STATIC = _ROOT / "static"
MIGRATIONS = _ROOT / "migrations"
CONTRIB = _ROOT / "contrib"

FIELD_SETTINGS = (
    "rt_serial_field",
    "rt_model_field",
    "rt_manufacturer_field",
    "rt_internal_name_field",
    "rt_category_field",
    "rt_funding_field",
)
"""The settings that name custom fields of assets. Each must name a different field."""


class SettingsError(Exception):
    """Invalid settings; `problems` has one message per variable."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Settings(BaseModel):
    """Each field is the environment variable with the same name in capitals; its description is its documentation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="Address to listen on. `0.0.0.0` serves the whole network.")
    port: int = Field(8080, ge=1, le=65535, description="Port to listen on.")
    workers: int = Field(2, ge=1, le=64, description="Number of server processes: at least two, and as many as there are processors.")
    threads: int = Field(
        16,
        ge=8,
        le=256,
        description="Threads of each server process: at least 8, and twice the assets created in Request Tracker at the same time.",
    )
    instance_path: Path = Field(Path("instance"), description="Folder for the data of this installation.")
    secrets_file: Path | None = Field(
        None, description="File with more settings, one `NAME=value` per line. The environment takes precedence."
    )
    secret_key: SecretStr | None = Field(
        None, min_length=16, description="Signs session cookies. If not set, one is generated and stored in `INSTANCE_PATH/secret_key`."
    )
    token_key: SecretStr | None = Field(
        None,
        min_length=32,
        description="Signs access tokens of the API and password links sent by email. If not set, one is generated and stored in "
        "`INSTANCE_PATH/token_key`.",
    )
    token_key_old: SecretStr | None = Field(
        None,
        min_length=32,
        description="The former `TOKEN_KEY`, which is still accepted but signs nothing. Remove it a few days after changing the key.",
    )
    access_token_hours: int = Field(12, ge=1, le=24 * 30, description="Hours until an access token from `/api/login` expires.")
    registration: Literal["open", "invited", "closed"] = Field(
        "closed",
        description="Who may create an account: everyone (`open`, with the role user), people with an invitation link (`invited`), or "
        "nobody except administrators (`closed`).",
    )
    database_url: Database | None = Field(
        None, description="`postgresql://user:password@host/name` or `sqlite:////path/to/file`. Takes precedence over `DATABASE_PATH`."
    )
    database_path: Path | None = Field(None, description="SQLite file. If not set: `database.sqlite` in `INSTANCE_PATH`.")
    trusted_proxies: Networks = Field(
        (),
        description="Addresses or networks (`10.0.0.5, 192.168.0.0/24`) of reverse proxies. Only their "
        "`X-Forwarded-For`, `-Proto` and `-Host` headers are trusted.",
    )
    app_url: Address | None = Field(None, description="Address at which people and Request Tracker reach this program.")
    timezone: TimeZone = Field("UTC", description="Time zone in which times are shown.")
    scheduler: bool = Field(True, description="Run scheduled jobs in the server processes.")
    run_seed_on_start: bool = Field(
        False,
        description="Create demo accounts when the server starts with an empty database without Request Tracker. Their one-time password "
        "links are printed once.",
    )
    teachers_see: Literal["none", "homeroom", "school", "all"] = Field(
        "school",
        description="Which students teachers see: `none`; those of the `homeroom` or the `school` of their account (without one: none); "
        "or `all`. Never students who left school, and no notes.",
    )
    reorder_alerts: EmailAddresses = Field(
        (),
        description="Email addresses that get a message when cable has to be reordered, separated by commas. If not set: all "
        "administrators.",
    )
    default_approvers: Names = Field(
        (),
        description="Names of the accounts that are asked to approve cable tickets for which nobody was chosen, separated by commas. The "
        "first of them decides. If not set, or if none of them can sign in: all administrators.",
    )
    approval_link_days: int = Field(14, ge=1, le=90, description="Days until links to approve or reject a cable ticket expire.")
    approval_remind_hours: int = Field(
        24,
        ge=1,
        le=24 * 30,
        description="Hours until approvers are reminded of a cable ticket. After as many more hours, it also goes to DEFAULT_APPROVERS.",
    )
    approve_by_get: bool = Field(
        False,
        description="Whether opening the link in a message approves a cable ticket, without a button. Programs that scan mail "
        "open links too, so that tickets may be approved before anybody has read them.",
    )
    optics_alert_emails: EmailAddresses = Field(
        (),
        description="Email addresses that get a message when somebody requests optics, separated by commas. If not set: all "
        "administrators.",
    )
    zkteco_default_port: int = Field(4370, ge=1, le=65535, description="Port of new terminals for time and attendance.")
    zkteco_timeout: float = Field(
        10, ge=1, le=60, description="Seconds to wait for each answer of a terminal that has no timeout of its own."
    )
    zkteco_poll_deadline: float = Field(120, ge=5, le=1800, description="Seconds after which reading a terminal ends, however far it is.")
    polling_interval_minutes: int = Field(
        15, ge=1, le=24 * 60, description="Minutes between two polls of a terminal. One that fails again and again is polled less often."
    )
    terminal_silent_minutes: int = Field(
        60,
        ge=5,
        le=7 * 24 * 60,
        description="Minutes without an answer or a push after which a terminal counts as silent. Longer than `POLLING_INTERVAL_MINUTES`.",
    )
    terminal_allow_loopback: bool = Field(
        False, description="Whether terminals may have loopback addresses, which lead to this server; for tests."
    )
    terminal_push: bool = Field(
        False, description="Whether terminals may push their records to `/iclock/` (ADMS). Unknown ones wait until somebody accepts them."
    )
    terminal_push_networks: Networks = Field(
        (), description="Addresses or networks from which terminals may push, separated by commas. If not set: all."
    )
    terminal_drift_seconds: int = Field(
        60, ge=10, le=86_400, description="Seconds by which the clock of a terminal may be off before it is reported."
    )
    terminal_alert_recipients: EmailAddresses = Field(
        (),
        description="Email addresses that get a message when a terminal has a problem, and when it has ended, separated by commas. If not "
        "set: all administrators.",
    )
    session_days: int = Field(14, ge=1, le=365, description="Days until a browser must sign in again.")

    rt_url: Address | None = Field(
        None, description="Address of Request Tracker. If not set, assets are stored in this program's own database."
    )
    rt_token: Token | None = Field(None, description="Request Tracker token for this program.")
    api_endpoint: str = Field("/REST/2.0", pattern=r"^/[\w./-]*$", description="Path of Request Tracker's REST 2.0 API.")
    rt_timeout: float = Field(20, gt=0, le=60, description="Seconds to wait for an answer from Request Tracker.")
    rt_privileged_role: Literal["admin", "staff", "teacher", "student", "user"] | None = Field(
        None,
        description="Role of callers with a Request Tracker token who are privileged users there and have no linked account. "
        "If not set, they are denied access.",
    )
    rt_ca_bundle: FilePath | None = Field(
        None, description="File with the certificate authority that signed Request Tracker's certificate."
    )
    rt_catalog: str = Field("General assets", min_length=1, description="Default catalog of new assets.")
    rt_serial_field: CustomField = Field("Serial Number", min_length=1, description="Custom field for the serial number.")
    rt_model_field: CustomField = Field("Model", min_length=1, description="Custom field for the model.")
    rt_asset_status: str = Field("", description="Status of new assets. If not set, the initial status of Request Tracker’s lifecycle.")
    rt_manufacturer_field: CustomField = Field("Manufacturer", min_length=1, description="Custom field for the manufacturer.")
    rt_internal_name_field: CustomField = Field("Internal Name", min_length=1, description="Custom field for the internal name.")
    rt_category_field: CustomField = Field("Category", min_length=1, description="Custom field for the category.")
    rt_funding_field: CustomField = Field("Funding Source", min_length=1, description="Custom field for the funding source.")
    rt_student_user: StudentUser = Field(
        "{student_id}",
        description="Default name of a student’s Request Tracker user, with `{student_id}` or `{email}`.",
    )
    rt_ticket_queue: str = Field("General", min_length=1, description="Default queue of tickets about devices.")
    device_catalogs: Names = Field(
        (),
        description="Catalogs whose assets can be assigned to students, separated by commas. If not set, the catalogs of the devices "
        "that exist, or all catalogs if there are none.",
    )
    device_accessories: Names = Field(
        ("charger", "case"), description="Accessories that are assigned with devices and checked on return, separated by commas."
    )

    prefix: Prefix = Field("W12-", description="Prefix of every tag; a number of at least four digits follows.")
    asset_tag_sequence_file: Path | None = Field(
        None, description="Sequence file of a legacy installation. Its number is imported before the first tag is assigned."
    )
    asset_tag_confirmations_log: Path | None = Field(
        None,
        description="Tag log of a legacy installation, imported once. If not set: `asset_tag_confirmations.log` "
        "beside `ASSET_TAG_SEQUENCE_FILE`, if it exists.",
    )
    webhook_token: Token | None = Field(
        None, min_length=16, description="Secret of the webhook. If not set, one is generated and stored in the database."
    )
    webhook_max_age_hours: int = Field(
        24,
        ge=1,
        le=8_760,
        description="Hours for which an asset is new. If the webhook is called for an older one, the asset is not renamed but listed under "
        "*Differences*.",
    )
    webhook_tags_per_minute: int = Field(
        300,
        ge=1,
        le=100_000,
        description="Tags that the webhook may assign in a minute before the health check warns. It never refuses a call.",
    )
    label_format: str = Field("large", description="Default label format, for assets without a format for their type or catalog.")
    label_formats_file: FilePath | None = Field(
        None, description="TOML file with additional label formats. `request_tracker_utils/labels/formats.toml` explains every key."
    )
    label_template_path: FilePath | None = Field(
        None, description="Jinja template for the contents of labels. See `contrib/labels/label.html` for an example."
    )

    resend_api_key: Token | None = Field(None, description="API key of Resend, the first provider for email.")
    resend_api_url: Address | None = Field(None, description="Address of Resend's API, if not the default of its library.")
    sendgrid_api_key: Token | None = Field(None, description="API key of SendGrid, the second provider for email.")
    sendgrid_api_url: Address | None = Field(
        None, description="Address of SendGrid's API, if not the default of its library; for accounts in the EU."
    )
    sendgrid_from_email: Sender | None = Field(
        None, description="Sender of every email, through any provider: `tickets@example.org` or `Tickets <tickets@example.org>`."
    )
    smtp_host: Host | None = Field(None, description="SMTP server, the third provider for email.")
    smtp_port: int | None = Field(None, ge=1, le=65535, description="Its port. If not set: 587 (`starttls`), 465 (`tls`) or 25 (`none`).")
    smtp_user: str | None = Field(None, pattern=r"^[^\x00-\x1f]+$", description="User name at the SMTP server, if it needs one.")
    smtp_password: SecretStr | None = Field(None, description="Password at the SMTP server.")
    smtp_tls: Literal["starttls", "tls", "none"] = Field(
        "starttls",
        description="Encryption of the connection to the SMTP server. With `starttls`, nothing is sent if the server does not offer it.",
    )
    smtp_from: Sender | None = Field(None, description="Sender of emails through the SMTP server, if not SENDGRID_FROM_EMAIL.")
    twilio_account_sid: Annotated[str, Field(pattern=r"^AC[0-9A-Za-z]{32}$")] | None = Field(
        None, description="Account SID of Twilio, the provider for SMS."
    )
    twilio_auth_token: Token | None = Field(None, description="Auth token of Twilio.")
    twilio_phone_number: Annotated[str, Field(pattern=r"^(\+[1-9][0-9]{6,14}|MG[0-9A-Za-z]{32})$")] | None = Field(
        None, description="Sender of every SMS: a number with its country code, `+12025550100`, or a messaging service, `MG…`."
    )
    twilio_api_url: Address | None = Field(
        None, description="Address of Twilio's API, if not the default of its library; for other regions."
    )
    notify_urls: SecretStr | None = Field(
        None,
        description="Addresses of the office's chat channels, in the form of Apprise, separated by spaces: `slack://…`, `workflows://…` "
        "(Teams), `ntfys://…`, `discord://…`, `mmosts://…`, `gchat://…`, `sns://…`, `jsons://…`.",
    )
    notify_private_addresses: bool = Field(
        False, description="Whether chat addresses that people enter for themselves may lead to this machine and to private networks."
    )
    resend_webhook_secret: WebhookSecret | None = Field(
        None, description="Signing secret of the webhook at Resend that calls `APP_URL/webhooks/resend`, `whsec_…`."
    )
    sendgrid_webhook_key: PublicKey | None = Field(
        None, description="Verification key of the signed event webhook at SendGrid that calls `APP_URL/webhooks/sendgrid`."
    )
    notification_days: int = Field(180, ge=7, le=3650, description="Days until messages to people are deleted.")
    notifications_per_recipient: int = Field(
        100, ge=1, le=1_000_000, description="Messages that one email address, phone or person may receive in 24 hours on one channel."
    )
    notifications_per_sender: int = Field(2_000, ge=1, le=1_000_000, description="Messages that what one person does may send in 24 hours.")
    notifications_per_day: int = Field(
        20_000, ge=1, le=10_000_000, description="Emails that are sent in 24 hours, and as many chat messages. The others fail and say why."
    )
    sms_per_day: int = Field(
        500, ge=1, le=1_000_000, description="SMS that are sent in 24 hours. Each may cost twice the price of a segment."
    )

    login_event_days: int = Field(180, ge=7, le=3650, description="Days until sign-ins, failed attempts and denied requests are deleted.")
    import_megabytes: int = Field(
        1024,
        ge=64,
        le=1_000_000,
        description="Megabytes that the uploaded files and lists of assets of all people may take up until they are imported.",
    )
    import_megabytes_per_person: int = Field(
        256,
        ge=64,
        le=1_000_000,
        description="Megabytes that the uploaded files and lists of assets of one person may take up until they are imported.",
    )
    access_event_days: int = Field(
        365, ge=7, le=3650, description="Days until records of who exported or looked up personal data are deleted."
    )
    metrics_token: Token | None = Field(
        None, min_length=16, description="Token for `/metrics` (`Authorization: Bearer …`). Administrators need none."
    )
    metrics_addresses: Networks = Field((), description="Addresses or networks that may read `/metrics` without a token.")

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Minimum severity of logged messages.")
    log_file: Path | None = Field(None, description="Log file, in addition to standard error. All server processes write to it.")
    log_file_megabytes: int = Field(10, ge=1, le=10_000, description="Size at which the log file is rotated.")
    log_files_kept: int = Field(5, ge=1, le=1_000, description="Number of rotated log files to keep.")

    @property
    def database_file(self) -> Path | None:
        """The absolute path of the SQLite file; None for PostgreSQL."""
        if self.database_url:
            return Path(self.database_url.removeprefix("sqlite:///")).resolve() if self.database_url.startswith("sqlite") else None
        return (self.database_path or self.instance_path / "database.sqlite").resolve()

    @property
    def sqlalchemy_url(self) -> str:
        file = self.database_file
        return f"sqlite:///{file}" if file else str(self.database_url)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def public_address(self) -> str:
        """Address of this program: APP_URL, or the address it listens on."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104 — compared, not bound
        return self.app_url or f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def masked(self) -> dict[str, str]:
        """Every setting by variable, as text; secrets and passwords as `***`."""
        shown = {name.upper(): masked_value(getattr(self, name)) for name in type(self).model_fields}
        return shown | {"DATABASE_URL": masked_database(self.database_url)} if self.database_url else shown

    @classmethod
    def defaults(cls) -> dict[str, str]:
        """The default of each variable, as text; empty if it has none."""
        return {name.upper(): "" if field.default is None else masked_value(field.default) for name, field in cls.model_fields.items()}


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Reads settings from the environment (`os.environ` by default) and from the file named by `SECRETS_FILE`.

    Raises SettingsError with all problems.
    """
    given = dict(os.environ if environ is None else environ)
    from_file = _read_secrets(given.get("SECRETS_FILE", ""))
    known = {name: (given.get(name.upper()) or from_file.get(name.upper())) for name in Settings.model_fields}
    missing = ["RT_TOKEN: required with RT_URL. Create a token in Request Tracker under Settings, Auth Tokens."]
    problems = missing if known["rt_url"] and not known["rt_token"] else []
    try:
        settings = Settings.model_validate({name: value for name, value in known.items() if value})
    except ValidationError as error:
        problems = [*(_problem(e["loc"], e["msg"]) for e in error.errors(include_input=False)), *problems]
    else:
        problems += _same_fields(settings)
    if problems:
        raise SettingsError(problems)
    return settings


def _same_fields(settings: Settings) -> list[str]:
    """Request Tracker ignores case in custom field names: two settings for one field would overwrite each other's value."""
    first_by_field: dict[str, str] = {}
    problems = []
    for name in FIELD_SETTINGS:
        field = str(getattr(settings, name))
        first = first_by_field.setdefault(field.casefold(), name)
        if first != name:
            problems.append(f"{name.upper()}: {first.upper()} already names the field {field}. Choose a different field for each setting.")
    return problems


def _read_secrets(path: str) -> dict[str, str]:
    if not path:
        return {}
    try:
        with open(path, encoding="utf-8") as stream:
            return {name: value for name, value in dotenv_values(stream=stream, interpolate=False).items() if value}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError([f"SECRETS_FILE: cannot be read: {error}"]) from None


def _problem(where: tuple[int | str, ...], message: str) -> str:
    return f"{str(where[0]).upper()}: {settings_problem(message)}"


def settings_problem(message: str) -> str:
    """What Pydantic says about a value, without its prefix."""
    return message.removeprefix("Value error, ")


def reference() -> str:
    """The settings as a Markdown table: name, default, description."""
    rows = ["| Setting | Default | Description |", "| --- | --- | --- |"]
    for name, default in Settings.defaults().items():
        rows.append(f"| `{name}` | {f'`{default}`' if default else '–'} | {Settings.model_fields[name.lower()].description} |")
    return "\n".join(rows)
