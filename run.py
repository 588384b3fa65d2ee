"""`run:app` is the WSGI app; `python run.py` serves it."""

from request_tracker_utils.core.settings import load_settings
from request_tracker_utils.server import make_app, serve

if __name__ == "__main__":
    serve(load_settings())
else:
    app = make_app()
