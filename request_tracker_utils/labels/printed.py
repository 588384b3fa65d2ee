"""Tells the rooms above that labels of assets may be on paper now."""

from collections.abc import Callable
from typing import cast

from flask import Flask, current_app

_KEY = "rtutils_labels_printed"
Listener = Callable[[list[int]], None]


def install(app: Flask) -> None:
    app.extensions[_KEY] = []


def tell(app: Flask, listener: Listener) -> None:
    """`listener` is called with the assets' ids, before their labels are handed out."""
    cast(list[Listener], app.extensions[_KEY]).append(listener)


def announce(asset_ids: list[int]) -> None:
    for listener in cast(list[Listener], current_app.extensions[_KEY]):
        listener(asset_ids)
