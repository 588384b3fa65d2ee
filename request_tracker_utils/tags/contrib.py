"""What is pasted into Request Tracker, with this installation's address and secret filled in."""

from dataclasses import dataclass

from request_tracker_utils.core.resources import CONTRIB


@dataclass(frozen=True)
class Snippet:
    title: str
    file: str
    text: str


_SNIPPETS = {
    "plugin": ("RT_SiteConfig.snippet.pm", "RT 5: the plugin's settings"),
    "condition": ("scrip-condition.pl", "RT 6: Custom Condition of the scrip"),
    "action": ("scrip-action.pl", "RT 6: Custom Action of the scrip"),
}


def snippets(address: str, secret: str) -> dict[str, Snippet]:
    """The files under contrib/rt, ready to paste: `plugin`, `condition`, `action`."""
    found = {}
    for key, (file, title) in _SNIPPETS.items():
        text = (CONTRIB / "rt" / file).read_text(encoding="utf-8")
        found[key] = Snippet(title, file, text.replace("@WEBHOOK_URL@", _quoted(address)).replace("@WEBHOOK_TOKEN@", _quoted(secret)))
    return found


def _quoted(text: str) -> str:
    """As it stands between Perl's single quotes."""
    return text.replace("\\", "\\\\").replace("'", "\\'")
