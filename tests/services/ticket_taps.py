"""How many times a person taps to request cable, and to approve a request from its message. The benchmark counts the same."""

from playwright.sync_api import Locator, Page, expect

MOST_TO_ASK, MOST_TO_APPROVE = 6, 2
PHONE = {"viewport": {"width": 360, "height": 640}, "has_touch": True, "is_mobile": True}


class Taps:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self, what: Locator) -> None:
        self.count += 1
        what.tap()

    def follow(self, page: Page, link: str) -> None:
        """Taps a link in a message, which opens in the browser."""
        self.count += 1
        page.goto(link)


def ask_with_chip(page: Page, chip: str) -> int:
    """Asks for what the chip stands for, from the home page. Returns the number of taps; then the ticket is shown."""
    tap = Taps()
    tap(page.get_by_role("link", name="Request cable"))
    tap(page.get_by_role("button", name=chip))
    tap(page.get_by_role("button", name="Send request").last)
    expect(page.get_by_text("was created.")).to_be_visible()
    return tap.count


def approve_from_message(page: Page, link: str) -> int:
    """Approves with the link of a message. Returns the number of taps; then the page says so."""
    tap = Taps()
    tap.follow(page, link)
    tap(page.get_by_role("button", name="Approve request", exact=True))
    expect(page.get_by_role("heading", level=1)).to_contain_text("approved")
    return tap.count
