"""Errors of people."""

from __future__ import annotations

from steward_tenants.errors import Conflict, NotFound, StewardError
from steward_tenants.texts import Bilingual


class PersonNotFound(NotFound):
    """No such user, or outside the actor's scope."""

    code = "person_not_found"
    message = Bilingual("找不到该人员。", "No such person.")


class AccountNotFound(NotFound):
    """No account has this id."""

    code = "account_not_found"
    message = Bilingual("找不到该账号。", "No such account.")


class PersonChanged(Conflict):
    """The user was changed since the caller read it."""

    code = "person_changed"
    message = Bilingual("“{name}”的资料已被他人修改。", "{name}'s record was changed by someone else.")


class PersonExists(Conflict):
    """The login already stands for a user of this tenant."""

    code = "person_exists"
    message = Bilingual("登录名“{login}”已是本租户人员。", "“{login}” is already a person of this tenant.")
    remedy = Bilingual("请在人员列表中查找，或换一个登录名。", "Look it up in the list, or use another login.")


class EmployeeNumberTaken(Conflict):
    """Another user of the tenant has this employee number."""

    code = "employee_number_taken"
    message = Bilingual("工号“{employee_number}”已被使用。", "Employee number “{employee_number}” is taken.")
    remedy = Bilingual("请检查工号。", "Check the employee number.")


class _Refused(StewardError):
    status = 409


class NotOneself(_Refused):
    """Nobody disables, enables or moves themselves: the first locks out, the others widen one's own reach."""

    code = "not_oneself"
    message = Bilingual("不能对自己执行此操作。", "You cannot do this to yourself.")
    remedy = Bilingual("请由另一位管理员操作。", "Have another administrator do it.")


class PersonErased(_Refused):
    """The person's data were erased on request; nothing of it comes back."""

    code = "person_erased"
    message = Bilingual("该人员的个人信息已按请求删除。", "This person's data were erased on request.")
    remedy = Bilingual("如需重新入职，请新建人员。", "Create a new person if they come back.")


class ExportTooLarge(_Refused):
    """More people than one export may hold."""

    code = "export_too_large"
    status = 422
    message = Bilingual("符合条件的人员超过 {limit} 名。", "More than {limit} people match.")
    remedy = Bilingual("请按机构或状态缩小范围后分批导出。", "Narrow it by unit or status and export in parts.")
