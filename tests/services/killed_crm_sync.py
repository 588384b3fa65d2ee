"""`python -m tests.services.killed_crm_sync DATABASE_URL CRM_ADDRESS`: runs of the sync, each in a process of its own.

For each line of standard input, such as `before 3`, a new process sends what is due to the CRM, four workdays at a time, and kills itself
with SIGKILL before or after its third commit; for `never 0` it ends by itself. The answer is a line with the number of the signal, or 0.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from flask import Flask
from sqlalchemy.orm import Session

from request_tracker_utils.core.db import db, shorten_postgresql_errors, transaction, tune_sqlite
from request_tracker_utils.workdays.crm.client import CrmClient
from request_tracker_utils.workdays.crm.sync import CrmSync
from tests.services.crm import TOKEN
from tests.services.crm_workdays import NOW

COMMITS = 3
"""Of a run with one batch: claim, claim nothing, record."""


def database_app(database_url: str) -> Flask:
    """Only the database: loading the whole program takes many times as long as the runs."""
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = database_url
    db.init_app(app)
    with app.app_context():
        (tune_sqlite if database_url.startswith("sqlite") else shorten_postgresql_errors)(db.engine)
    return app


def sync_and_die(app: Flask, address: str, when: str, number: int) -> None:
    commits = 0

    @contextmanager
    def dying(*, durable: bool = True) -> Iterator[Session]:
        nonlocal commits
        with transaction(durable=durable) as session:
            yield session
            commits += 1
            if (when, number) == ("before", commits):
                os.kill(os.getpid(), signal.SIGKILL)
        if (when, number) == ("after", commits):
            os.kill(os.getpid(), signal.SIGKILL)

    with app.app_context():
        client = CrmClient(address, TOKEN, allow_http=True)
        CrmSync(client, dying, lambda: NOW, batch=4, attempts=3, pauses=(0.0,)).run()


def main() -> None:
    database_url, address = sys.argv[1:]
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # answers are on standard output
    app = database_app(database_url)
    print("ready", flush=True)
    for line in sys.stdin:
        when, number = line.split()
        child = os.fork()
        if child == 0:
            sync_and_die(app, address, when, int(number))
            os._exit(0)
        print(os.waitpid(child, 0)[1], flush=True)


if __name__ == "__main__":
    main()
