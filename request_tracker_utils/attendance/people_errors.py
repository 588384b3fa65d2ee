"""Errors of people and their user IDs."""

from request_tracker_utils.core.errors import Conflict, Invalid, NotFound


class PersonNotFound(NotFound):
    """No person of attendance has this ID."""

    code = "person_not_found"


class PeopleChangeNotFound(NotFound):
    """No change of people has this ID."""

    code = "people_change_not_found"


class InvalidPersonField(Invalid):
    """A field of a person cannot be stored; `field` names it."""

    code = "invalid_person_field"


class UserIdTaken(Conflict):
    """The user ID of this site belongs to another person from that day on."""

    code = "user_id_taken"


class UserIdOfOther(Conflict):
    """A user ID to split off does not belong to the person. It may have been split off before."""

    code = "user_id_of_other"


class PeopleMerged(Conflict):
    """These people were merged before."""

    code = "people_merged"


class AccountTaken(Conflict):
    """The account is linked to another person, or the people to merge have different accounts."""

    code = "account_taken"


class PeopleChangedSince(Conflict):
    """The people have changed since. Undo the later changes first."""

    code = "people_changed_since"


class NameConflictGone(Conflict):
    """The conflict was resolved in the meantime, or its names have changed."""

    code = "name_conflict_gone"
