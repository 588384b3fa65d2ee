"""Keys as a scanner or a person presses them, with the times of a device of that speed: the machine's load does not matter."""

import time

from playwright.sync_api import Page

FAST, SLOW, PERSON = 0.01, 0.075, 0.18
"""Seconds between two keys of a scanner, of a slow scanner or a very fast typist, and of a person."""
_KEYS = {
    "\n": {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"},
    "\t": {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9},
}
_clocks: dict[int, float] = {}


def press_keys(page: Page, text: str, *, apart: float = FAST, pauses: dict[int, float] | None = None, repeated: bool = False) -> None:
    """The keys of the text, with Tab and Enter among its characters, a second after those before. `pauses`: number of the key → seconds
    before it. `repeated` holds the keys down."""
    session = page.context.new_cdp_session(page)
    at = max(time.time(), _clocks.get(id(page), 0)) + 1
    for number, character in enumerate(text):
        at += (pauses or {}).get(number, apart)
        key = _KEYS.get(character, {"key": character, "text": character})
        session.send("Input.dispatchKeyEvent", {"type": "keyDown", "timestamp": at, "autoRepeat": repeated, **key})
        if not repeated:
            session.send(
                "Input.dispatchKeyEvent", {"type": "keyUp", "timestamp": at, **{name: key[name] for name in key if name != "text"}}
            )
    _clocks[id(page)] = at
    session.detach()
