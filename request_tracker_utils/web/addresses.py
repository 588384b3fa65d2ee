"""Addresses that callers send along to be led to afterwards."""


def is_own(address: str) -> bool:
    """Whether it is a page of this program. Browsers read `//host` and `/\\host` as other hosts."""
    return address.startswith("/") and address[1:2] not in ("/", "\\") and address.isprintable()
