"""CSV files that the program has written, from pages and commands."""

from request_tracker_utils.core.csv import BYTE_ORDER_MARK


def without_mark(text: str) -> str:
    """The file without its byte order mark, which it must have: Excel would garble accents."""
    assert text.startswith(BYTE_ORDER_MARK), text[:40]
    assert BYTE_ORDER_MARK not in text[1:]
    return text.removeprefix(BYTE_ORDER_MARK)
