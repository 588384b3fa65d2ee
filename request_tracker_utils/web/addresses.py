"""What callers write into addresses: numbers of rows, and pages to be led to afterwards."""


def is_own(address: str) -> bool:
    """Whether it is a page of this program. Browsers read `//host` and `/\\host` as other hosts."""
    return address.startswith("/") and address[1:2] not in ("/", "\\") and address.isprintable()


def row_number(text: str) -> int:
    """Raises ValueError, as `type` of a query's argument wants it, also for what no column holds: a file already begun cannot say so."""
    number = int(text)
    if not 0 < number < 2**31:
        raise ValueError(text)
    return number
