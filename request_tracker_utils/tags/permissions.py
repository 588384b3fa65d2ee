"""`scope:resource:action`."""

from enum import StrEnum


class TagPermission(StrEnum):
    READ = "tags:tag:read"
    ASSIGN = "tags:tag:assign"
    ADMINISTER = "tags:sequence:administer"
    WEBHOOK = "tags:webhook:configure"
