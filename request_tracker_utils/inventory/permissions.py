"""Permissions of the stock, as `scope:resource:action`, and the roles that have them."""

from enum import StrEnum


class StockPermission(StrEnum):
    READ = "inventory:stock:read"
    """View what is on hand, its movements, and the cable types: for everyone who may order cable."""
    RECEIVE = "inventory:stock:receive"
    """Record deliveries, and view them."""
    ADJUST = "inventory:stock:adjust"
    """Take out, return, count and adjust stock, reverse movements, and set reorder levels and cable types."""


GRANTS = {
    "admin": frozenset(StockPermission),
    "staff": frozenset(StockPermission),
    "teacher": frozenset({StockPermission.READ}),
    "user": frozenset({StockPermission.READ}),
}
