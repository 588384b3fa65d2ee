"""`python -m tests.services.strict_server serve`: the program with limits on connections that a test reaches within seconds.

It has three more routes: `/work` responds after so many `seconds`, `/body` after it has read the body, and `/stream` never ends.
"""

import sys
import time
from collections.abc import Iterator

from flask import Flask, Response, request

from request_tracker_utils import server
from request_tracker_utils.cli import main
from request_tracker_utils.web.auth import public
from request_tracker_utils.web.body import streamed
from request_tracker_utils.web.connections import Limits
from request_tracker_utils.web.threads import Reserved

PROGRAM = (sys.executable, "-m", "tests.services.strict_server")
LIMITS = Limits(grace=1.0, rate=64 * 1024, header_timeout=6.0, silent=40, silent_per_address=20, interval=0.1, tolerance=0.3)

_make_app = server.make_app


def make_app() -> Flask:
    app = _make_app()
    reason = public("for tests", csrf=False)

    @app.get("/work")
    @reason
    def work() -> str:
        time.sleep(float(request.args["seconds"]))
        return "done"

    @app.post("/body")
    @public("for tests", csrf=False, reserved=Reserved.WEBHOOK)  # of all bodies, only those of the webhook are not limited in number
    def body() -> str:
        return f"{len(request.get_data())} bytes"

    @app.get("/stream")
    @reason
    def stream() -> Response:
        def chunks() -> Iterator[str]:
            while True:
                yield 65536 * "x"

        return streamed(chunks(), mimetype="application/octet-stream")

    return app


if __name__ == "__main__":
    vars(server).update(LIMITS=LIMITS, make_app=make_app)
    main()
