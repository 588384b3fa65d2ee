"""A real Request Tracker 5 on loopback, for tests and benchmarks: its own database, its own port, its own processes."""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import requests

from tests.services.rt_database import RtDatabase

HERE = Path(__file__).parent / "rt"
PLUGINS = Path(__file__).parents[2] / "contrib" / "rt"
PLUGIN = "RT::Extension::AssetTagWebhook"
SETUP = shutil.which("rt-setup-database-5") or shutil.which("rt-setup-database-5", path="/usr/sbin")
CHEAP, REAL = 4, 12
"""Cost of checking a token. With RT's own default a call takes 0.2 s, nearly all of it for this."""
READY_WITHIN = 60.0
"""Seconds. A loaded machine takes ten."""

NOT_INSTALLED = "Request Tracker is not installed (make services)"


def installed() -> bool:
    return bool(SETUP and shutil.which("plackup") and Path("/usr/share/request-tracker5/lib/RT.pm").exists())


class RequestTrackerFailed(Exception):
    """It could not be made or did not start; the text ends with the last lines of its log."""


@dataclass(frozen=True)
class Webhook:
    """How Request Tracker tells of a new asset: by the plugin of `contrib/rt`, or barely (the id and nothing else)."""

    url: str
    token: str = ""
    stage: Literal["inside", "after"] = "inside"
    style: Literal["plugin", "bare"] = "plugin"
    catalogs: tuple[str, ...] = ()
    timeout: int = 5
    """Seconds, of the plugin."""


class RequestTracker:
    """Starts on construction and answers when the constructor returns. `directory` is its own; nothing else may be in it.

    `webhook` may also be changed while it runs, by `restart`, which keeps database and address. Tokens are checked cheaply
    unless `token_cost` is REAL, as a benchmark wants it (the first call of each token is then slower still).
    """

    def __init__(self, folder: Path, *, workers: int = 4, webhook: Webhook | None = None, token_cost: int = CHEAP) -> None:
        if not installed():
            raise RequestTrackerFailed(NOT_INSTALLED)
        self.folder, self.workers, self.webhook = folder, workers, webhook
        self.token_cost = token_cost
        self.user, self.password = "root", "password"
        self._process: subprocess.Popen[bytes] | None = None
        template = _template()
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("mason", "log", "conf.d", "sessions"):
            (folder / name).mkdir(exist_ok=True)
        shutil.copyfile(template / "rt.db", folder / "rt.db")
        self.database = RtDatabase(folder / "rt.db")
        self.token, self.clerks_token = (template / "tokens").read_text().split()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def restart(self, *, webhook: Webhook | None) -> None:
        self._end()
        self.webhook = webhook
        self._start()

    def stop(self) -> None:
        """Ends the processes that this object started, and no others."""
        self._end()
        self._socket.close()

    def log(self) -> str:
        """Everything that it wrote to its error output."""
        return (self.folder / "log" / "server.log").read_text(errors="replace")

    def rest(self, method: str, path: str, *, token: str = "", **arguments: Any) -> requests.Response:
        """One REST 2.0 call, as root unless another token is given."""
        headers = {"Authorization": f"token {token or self.token}", **arguments.pop("headers", {})}
        return _http.request(method, f"{self.url}/REST/2.0/{path}", headers=headers, timeout=60, allow_redirects=False, **arguments)

    def create_asset(self, name: str = "", *, catalog: str = "Chromebooks", **more: Any) -> int:
        """`more` are REST fields (`CustomFields`, `HeldBy` ...). Returns the id."""
        answer = self.rest("POST", "asset", json={"Name": name, "Catalog": catalog, **more})
        if answer.status_code != 201:
            raise RequestTrackerFailed(f"{answer.status_code} {answer.text}")
        return int(answer.json()["id"])

    def asset(self, asset_id: int) -> dict[str, Any]:
        answer = self.rest("GET", f"asset/{asset_id}")
        answer.raise_for_status()
        row: dict[str, Any] = answer.json()
        return row

    def all_assets(self) -> dict[int, str]:
        """Name by id of every asset, deleted ones excepted."""
        return self.database.names()

    def all_serials(self) -> dict[int, str]:
        """Serial number by id of every asset that has one, deleted ones excepted."""
        return self.database.serials()

    def assets_with_serial(self, serial: str) -> list[int]:
        """Their ids; compared without case, as Request Tracker does."""
        return self.database.with_serial(serial)

    def fill(self, count: int, prefix: str, *, catalog: str = "Cables") -> range:
        """`count` assets `PREFIX0001` …, made quickly and without webhook; serial numbers are `S-PREFIX0001` …. Returns their ids."""
        return self.database.fill(count, prefix, catalog)

    def new_token(self, name: str) -> str:
        """A further token of this user."""
        return _run(self.folder, ["perl", str(HERE / "token.pl"), "make", name]).strip()

    def revoke_tokens(self, name: str) -> None:
        """All tokens of this user are gone."""
        _run(self.folder, ["perl", str(HERE / "token.pl"), "revoke", name])

    def end_sessions(self) -> int:
        """Everybody is signed out, as when a cron job deletes old sessions. Returns how many there were."""
        sessions = [path for path in (self.folder / "sessions").iterdir() if len(path.name) == 32]
        for path in sessions:
            path.unlink()
        return len(sessions)

    def run_scrip(self, condition: Path, action: Path, name: str, *, catalog: str = "Chromebooks") -> str:
        """Creates an asset past the web, has the scrip's two texts run on it, and returns the asset's name."""
        return _run(self.folder, ["perl", str(HERE / "run_scrip.pl"), str(condition), str(action), name, catalog]).split(" ", 1)[1].strip()

    def signed_in(self) -> requests.Session:
        """A browser's session: root, through the sign-in form."""
        session = requests.Session()
        session.trust_env = False
        answer = session.post(f"{self.url}/", data={"user": self.user, "pass": self.password}, timeout=60)
        if "Logout" not in answer.text:
            raise RequestTrackerFailed("the sign-in form did not let root in")
        return session

    def create_asset_by_form(self, name: str, *, catalog: str = "Chromebooks") -> int:
        """As a technician does it in the browser. Returns the id."""
        session = self.signed_in()
        numbers = {row["Name"]: row["id"] for row in self.rest("GET", "catalogs/all", params={"fields": "Name"}).json()["items"]}
        form = {"id": "new", "Create": "1", "Catalog": numbers[catalog], "Name": name, "Status": "new", "Description": ""}
        answer = session.post(f"{self.url}/Asset/Create.html", data=form, headers={"Referer": f"{self.url}/"}, timeout=60)
        shown = re.search(r"/Asset/Display\.html\?.*?id=(\d+)", answer.url) or re.search(r"Asset #(\d+)", answer.text)
        if shown is None:
            raise RequestTrackerFailed(f"the form did not lead to an asset's page: {answer.status_code} {answer.url}")
        return int(shown.group(1))

    def _start(self) -> None:
        _write_configuration(self.folder, self.port, self.webhook, self.token_cost)
        command = ["plackup", "-s", "Starlet", "--max-workers", str(self.workers), "--max-reqs-per-child", "100000", "-E", "deployment"]
        with (self.folder / "log" / "server.log").open("ab") as log:
            # The port is bound here and handed over: nobody can take it between choosing and binding.
            self._process = subprocess.Popen(
                [*command, str(HERE / "app.psgi")],
                env=_environment(self.folder, self.webhook)
                | {"SERVER_STARTER_PORT": f"127.0.0.1:{self.port}={self._socket.fileno()}", "SERVER_STARTER_GENERATION": "1"},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(self._socket.fileno(),),
                start_new_session=True,
            )
        try:
            self._wait()
        except BaseException:
            self._end()
            raise

    def _wait(self) -> None:
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                raise RequestTrackerFailed(f"Request Tracker ended at once.\n{self.log()[-3000:]}")
            with contextlib.suppress(requests.RequestException):
                # The socket accepts before anybody serves it, so the answer is waited for, not the connection.
                if _http.get(f"{self.url}/REST/2.0/rt", headers={"Authorization": f"token {self.token}"}, timeout=20).ok:
                    return
            time.sleep(0.05)
        raise RequestTrackerFailed(f"Request Tracker did not answer within {READY_WITHIN:.0f} s.\n{self.log()[-3000:]}")

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


class _PlainHttp:
    """Requests that neither read the environment nor remember cookies: Request Tracker trusts a cookie before a token."""

    @cached_property
    def _session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        return session

    def request(self, method: str, url: str, **arguments: Any) -> requests.Response:
        self._session.cookies.clear()
        return self._session.request(method, url, **arguments)

    def get(self, url: str, **arguments: Any) -> requests.Response:
        return self.request("GET", url, **arguments)


_http = _PlainHttp()


def _environment(folder: Path, webhook: Webhook | None) -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("RT_", "SERVER_STARTER_", "PERL5"))}
    environment |= {
        "RT_SITE_CONFIG": str(folder / "RT_SiteConfig.pm"),
        "RT_SITE_CONFIG_DIR": str(folder / "conf.d"),
        "RT_TEST_PLUGINS": str(PLUGINS),
        "RT_TEST_SESSIONS": str(folder / "sessions"),
        "LC_ALL": "C.UTF-8",
    }
    if webhook and webhook.style == "bare":
        environment |= {
            "RT_TEST_LIB": str(HERE / "bare"),
            "RT_TEST_WEBHOOK_URL": webhook.url,
            "RT_TEST_WEBHOOK_TOKEN": webhook.token,
            "RT_TEST_WEBHOOK_STAGE": webhook.stage,
        }
    return environment


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _write_configuration(folder: Path, port: int, webhook: Webhook | None, token_cost: int) -> None:
    scalars: dict[str, str] = {
        "rtname": "rt.test",
        "Organization": "rt.test",
        "WebDomain": "127.0.0.1",
        "WebPort": str(port),
        "WebBaseURL": f"http://127.0.0.1:{port}",
        "WebPath": "",
        "DatabaseType": "SQLite",
        "DatabaseName": str(folder / "rt.db"),
        "MasonDataDir": str(folder / "mason"),
        "MailCommand": "testfile",
        "Timezone": "UTC",
        "LogToSTDERR": "info",
        "WebSessionClass": "Apache::Session::File",
    }
    lines = [f"Set(${name}, {_quoted(value)});" for name, value in scalars.items()]
    lines += [f"Set($BcryptCost, {token_cost});"]
    lines += ["Set($CanonicalizeRedirectURLs, 1);", "Set($LogToSyslog, undef);"]
    if webhook and webhook.style == "plugin":
        lines += [
            f"Plugin({_quoted(PLUGIN)});",
            f"Set($AssetTagWebhookURL, {_quoted(webhook.url)});",
            f"Set($AssetTagWebhookToken, {_quoted(webhook.token)});",
            f"Set($AssetTagWebhookStage, {_quoted(webhook.stage)});",
            f"Set($AssetTagWebhookTimeout, {webhook.timeout});",
            f"Set($AssetTagWebhookCatalogs, [{', '.join(_quoted(name) for name in webhook.catalogs)}]);",
        ]
    (folder / "RT_SiteConfig.pm").write_text("\n".join([*lines, "1;", ""]))


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _template() -> Path:
    """A filled database, made once for each version of the seed and of Request Tracker, and shared by all test runs of this user."""
    version = hashlib.sha256(
        (HERE / "seed.pl").read_bytes() + Path(__file__).read_bytes() + Path("/usr/share/request-tracker5/lib/RT/Generated.pm").read_bytes()
    )
    cache = Path(tempfile.gettempdir()) / f"rtutils-rt-templates-{os.getuid()}"
    cache.mkdir(mode=0o700, exist_ok=True)
    if cache.is_symlink() or cache.stat().st_uid != os.getuid():
        raise RequestTrackerFailed(f"{cache} belongs to somebody else; remove it")
    template = cache / version.hexdigest()[:16]
    with _locked(cache / "lock"):
        if not (template / "tokens").exists():
            shutil.rmtree(template, ignore_errors=True)
            with tempfile.TemporaryDirectory(dir=cache, prefix="making-") as making:
                _make_template(Path(making))
                template.mkdir()
                shutil.copyfile(Path(making) / "rt.db", template / "rt.db")
                shutil.copyfile(Path(making) / "tokens", template / "tokens")
    return template


def _make_template(folder: Path) -> None:
    for name in ("mason", "log", "conf.d"):
        (folder / name).mkdir()
    _write_configuration(folder, 1, None, CHEAP)
    _run(folder, [str(SETUP), "--action", "init", "--skip-create"])
    tokens = _run(folder, ["perl", str(HERE / "seed.pl")])
    if len(tokens.split()) != 2:
        raise RequestTrackerFailed(f"the seed printed {tokens!r}")
    (folder / "tokens").write_text(tokens)


def _run(folder: Path, command: list[str]) -> str:
    environment = _environment(folder, None)
    done = subprocess.run(command, env=environment, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    with (folder / "log" / "server.log").open("a") as log:
        log.write(done.stderr)
    if done.returncode:
        raise RequestTrackerFailed(f"{Path(command[0]).name} failed.\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout
