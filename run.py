"""`run:app` is the WSGI app; `python run.py` serves it."""

from request_tracker_utils.cli import main
from request_tracker_utils.server import make_app

if __name__ == "__main__":
    main(["serve"])
else:
    app = make_app()
