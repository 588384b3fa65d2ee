"""A Flask app with one route and nothing else, on the server and with the options that the program uses."""

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


def _serving_this(_target: str, **options: Any) -> Any:
    return Granian("benchmarks.bare:make_app", **options)


if __name__ == "__main__":
    # Whatever options the program gives its server, this app is served with the same.
    vars(server)["Granian"] = _serving_this
    server.serve(load_settings())
