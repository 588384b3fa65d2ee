"""Validation of URL arguments: row ids, and local paths to redirect to."""


def is_local_path(address: str) -> bool:
    """Whether the address is a path of this program. Browsers treat `//host` and `/\\host` as other hosts."""
    return address.startswith("/") and address[1:2] not in ("/", "\\") and address.isprintable()


def row_id(text: str) -> int:
    """For `type` of a query argument. Raises ValueError, also for numbers that no id column can store."""
    number = int(text)
    if not 0 < number < 2**31:
        raise ValueError(text)
    return number
