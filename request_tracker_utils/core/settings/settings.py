"""All settings together, and what follows from them."""

from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import ConfigDict

from request_tracker_utils.core.settings.assets import AssetSettings
from request_tracker_utils.core.settings.messages import MessageSettings
from request_tracker_utils.core.settings.program import ProgramSettings
from request_tracker_utils.core.settings.terminals import TerminalSettings
from request_tracker_utils.core.settings.tickets import TicketSettings
from request_tracker_utils.core.settings.types import masked_database, masked_value
from request_tracker_utils.core.settings.workdays import WorkdaySettings


class Settings(MessageSettings, WorkdaySettings, TerminalSettings, TicketSettings, AssetSettings, ProgramSettings):
    """Frozen. The documentation lists the fields of the last base first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

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


def reference() -> str:
    """The settings as a Markdown table: name, default, description."""
    rows = ["| Setting | Default | Description |", "| --- | --- | --- |"]
    for name, default in Settings.defaults().items():
        rows.append(f"| `{name}` | {f'`{default}`' if default else '–'} | {Settings.model_fields[name.lower()].description} |")
    return "\n".join(rows)
