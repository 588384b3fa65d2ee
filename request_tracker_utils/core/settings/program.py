"""Settings of the program itself: server, database, accounts, limits, logs."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, SecretStr

from request_tracker_utils.core.settings.types import Address, Database, Networks, TimeZone, Token


class ProgramSettings(BaseModel):
    """Each field is the environment variable with the same name in capitals; its description is its documentation."""

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
    session_days: int = Field(14, ge=1, le=365, description="Days until a browser must sign in again.")
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
