"""Tells the rooms above that labels of assets may be on paper now."""

from collections.abc import Callable
from typing import cast

from flask import Flask, current_app

_KEY = "rtutils_labels_printed"
Labels = list[tuple[int, str]]
"""Assets by number, with the name that their label bears."""
Listener = Callable[[Labels], list[str]]


def install(app: Flask) -> None:
    app.extensions[_KEY] = []


def tell(app: Flask, listener: Listener) -> None:
    """`listener` is called before the labels are handed out, and returns what has to be said beside them."""
    cast(list[Listener], app.extensions[_KEY]).append(listener)


def announce(labels: Labels) -> list[str]:
    """What the listeners have to say of these labels."""
    return [notice for listener in cast(list[Listener], current_app.extensions[_KEY]) for notice in listener(labels)]
