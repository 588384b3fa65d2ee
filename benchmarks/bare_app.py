"""A minimal Flask app with one route, on the same server with the same options as the program."""

from typing import Any

from flask import Flask
from granian import Granian

from request_tracker_utils import server
from request_tracker_utils.core.settings import load_settings


def make_app() -> Flask:
    app = Flask(__name__)

    @app.get("/next-asset-tag")
    def next_asset_tag() -> dict[str, str]:
        return {"next_asset_tag": "W12-0001"}

    return app


def _with_bare_app(_target: str, **options: Any) -> Any:
    return Granian("benchmarks.bare_app:make_app", **options)


if __name__ == "__main__":
    # The program passes its own options to Granian; only the app is replaced.
    vars(server)["Granian"] = _with_bare_app
    server.serve(load_settings())
