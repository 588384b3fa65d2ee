"""What a reorder alert says."""

from zoneinfo import ZoneInfo

from request_tracker_utils.core.messages import Channel
from request_tracker_utils.inventory.lengths import MAX_TEXT
from request_tracker_utils.inventory.models import MAX_ON_HAND
from request_tracker_utils.inventory.reorder import REORDER_ALERT
from request_tracker_utils.notifications.rendering import LONGEST_SMS, Renderer, septets

VALUES: dict[str, str | int] = {
    "cable_type": "Cat6 <b>",
    "cable_length": "100 ft",
    "on_hand": 8,
    "reserved": 3,
    "available": 5,
    "backordered": 0,
    "threshold": 5,
    "suggested": 15,
}


def test_it_says_what_is_low_and_what_to_order() -> None:
    renderer = Renderer(address="https://rtutils.example.org", zone=ZoneInfo("UTC"))
    message = renderer.render(REORDER_ALERT, Channel.EMAIL, VALUES, to="a@example.org")
    assert message.subject == "Reorder Cat6 <b> 100 ft"
    for text in (message.text, message.html):
        assert "Available: 5 (8 on hand, 3 reserved)" in text
        assert "Suggested order: 15" in text
        assert "https://rtutils.example.org/stock/reorder" in text
    assert "Cat6 &lt;b&gt; 100 ft" in message.html
    assert "<b>" not in message.html
    longest = {**VALUES, "cable_type": "x" * MAX_TEXT, "cable_length": "y" * MAX_TEXT}
    longest |= dict.fromkeys(("on_hand", "reserved", "available", "threshold", "suggested"), MAX_ON_HAND)
    for values in (VALUES, longest):
        text = renderer.render(REORDER_ALERT, Channel.SMS, values, to="+12025551234").text
        assert "https://rtutils.example.org/stock/reorder" in text
        assert septets(text) <= LONGEST_SMS
