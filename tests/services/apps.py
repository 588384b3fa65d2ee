"""Makes apps for tests, with the settings that the test wants and none of the machine's environment."""

from collections.abc import Container
from functools import cache
from itertools import count
from pathlib import Path
from weakref import WeakSet

from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade
from jinja2.bccache import Bucket, BytecodeCache

from request_tracker_utils.accounts import passwords, service as accounts, tokens
from request_tracker_utils.app import create_app
from request_tracker_utils.core import jobs
from request_tracker_utils.core.actor import of_command
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import db, transaction
from request_tracker_utils.core.settings import MIGRATIONS, load_settings
from request_tracker_utils.preparation import prepare, with_stored_keys
from request_tracker_utils.web.registry import registry_of

_numbers = count(1)
PASSWORD = "correct horse battery"


class CompiledTemplates(BytecodeCache):
    """Kept for all apps of a run: compiling the templates would be most of a test's first page."""

    def __init__(self) -> None:
        self._compiled: dict[tuple[str, str], bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if (found := self._compiled.get((bucket.key, bucket.checksum))) is not None:
            bucket.bytecode_from_string(found)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._compiled[bucket.key, bucket.checksum] = bucket.bytecode_to_string()


_templates = CompiledTemplates()
_made: WeakSet[Flask] = WeakSet()


def make_app(folder: Path, **settings: str) -> Flask:
    """An app with these settings (names in lower case) and its data in the folder. Its database may still be empty."""
    given = {"INSTANCE_PATH": str(folder), "LOG_LEVEL": "WARNING", "WEBHOOK_TOKEN": WEBHOOK_TOKEN}
    loaded = load_settings({**given, **{name.upper(): value for name, value in settings.items()}})
    app = create_app(with_stored_keys(loaded))
    app.jinja_env.bytecode_cache = _templates
    _made.add(app)
    return app


def close_apps(*, but: Container[Flask]) -> None:
    """Closes the database connections of the apps made so far, except those in `but`."""
    for app in [app for app in _made if app not in but]:
        with app.app_context():
            db.engine.dispose()
        _made.discard(app)


WEBHOOK_TOKEN = "webhook-secret-of-the-tests"


def migrate(app: Flask) -> None:
    with app.app_context():
        upgrade(directory=str(MIGRATIONS))
        db.engine.dispose()


def ready(app: Flask) -> Flask:
    """The app after all that a start does before the first request."""
    prepare(app, registry_of(app).settings)
    return app


def run_job(app: Flask, name: str) -> int:
    """Runs the job in this thread and returns how many it processed."""
    with app.app_context():
        return jobs.run(registry_of(app).jobs.named(name))


def user(app: Flask, role: str, name: str = "", **columns: object) -> str:
    """Makes a user of the role (named like it unless named otherwise) and returns the name. `columns` are further columns, such as a
    teacher's school."""
    with app.app_context(), transaction() as session:
        made = accounts.create_user(session, name=name or role, role=role, actor=of_command(), now=utc_now())
        made.password_hash = _hash_of_password()
        for column, value in columns.items():
            setattr(made, column, value)
    return name or role


@cache
def _hash_of_password() -> str:
    """Hashing is slow, as it must be: once is enough."""
    return passwords.hashed(PASSWORD)


def token(app: Flask, role: str) -> dict[str, str]:
    """Headers with the token of a user of the role, who is made for it."""
    name = user(app, role, f"{role}-{next(_numbers)}")
    with app.app_context(), transaction() as session:
        text = tokens.create(session, accounts.user_named(session, name), label="test", now=utc_now())
    return {"Authorization": f"Bearer {text}"}


def csrf_token(client: FlaskClient, page: str = "/sign-in") -> str:
    """The token that forms of this client's session carry, from the page or from where it leads somebody who is signed out."""
    text = client.get(page, follow_redirects=True, headers={"Accept": "text/html"}).get_data(as_text=True)
    return text.split('name="csrf_token"', 1)[1].split('value="', 1)[1].split('"', 1)[0]


def signed_in(app: Flask, role: str, name: str = "ada") -> FlaskClient:
    """A client of a new user of the role."""
    client = app.test_client()
    sign_in(client, user(app, role, name))
    return client


def sign_in(client: FlaskClient, name: str, password: str = PASSWORD) -> None:
    form = {"name": name, "password": password, "csrf_token": csrf_token(client)}
    answer = client.post("/sign-in", data=form)
    assert answer.status_code == 303, answer.get_data(as_text=True)
