"""Permissions of tags, as `scope:resource:action`, and the roles that have them."""

from enum import StrEnum


class TagPermission(StrEnum):
    READ = "tags:tag:read"
    ASSIGN = "tags:tag:assign"
    ADMINISTER = "tags:sequence:administer"
    WEBHOOK = "tags:webhook:configure"


GRANTS = {"admin": frozenset(TagPermission), "staff": frozenset({TagPermission.READ, TagPermission.ASSIGN})}
