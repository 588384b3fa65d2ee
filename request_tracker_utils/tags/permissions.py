"""Permissions of tags, as `scope:resource:action`, and the roles that have them."""

from enum import StrEnum


class TagPermission(StrEnum):
    READ = "tags:tag:read"
    """View tags, the audit log and differences."""
    ASSIGN = "tags:tag:assign"
    """Assign tags and resolve differences."""
    ADMINISTER = "tags:sequence:administer"
    """Reset sequences, add prefixes, and run the sweep."""
    WEBHOOK = "tags:webhook:configure"
    """View and set up the webhook."""


GRANTS = {"admin": frozenset(TagPermission), "staff": frozenset({TagPermission.READ, TagPermission.ASSIGN})}
