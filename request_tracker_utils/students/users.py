"""What students are called in Request Tracker."""

from request_tracker_utils.students.models import Student


def rt_user(student: Student, rule: str) -> str:
    """The name of the student's user: the one that is entered, or made by the rule (RT_STUDENT_USER); empty where the rule wants an
    e-mail address and there is none."""
    if student.rt_user:
        return student.rt_user
    if "{email}" in rule and not student.email:
        return ""
    return rule.replace("{student_id}", student.student_id).replace("{email}", student.email)
