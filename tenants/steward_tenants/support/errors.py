"""Errors of support access."""

from steward_tenants.errors import NotFound, StewardError
from steward_tenants.texts import Bilingual


class OperatorNotFound(NotFound):
    """No active operator account has this login."""

    code = "operator_not_found"
    message = Bilingual("没有登录名为 {login} 的平台运营人员。", "No operator has the login {login}.")
    remedy = Bilingual("请向平台运营方核对登录名。", "Ask the platform's operator for the login.")


class SupportAccessNotFound(NotFound):
    """No such support access here."""

    code = "support_access_not_found"
    message = Bilingual("找不到该支持访问。", "No such support access.")


class SupportRoleRefused(StewardError):
    """The role is not one that the granter may give to an operator."""

    code = "support_role_refused"
    status = 403
    message = Bilingual("不能用角色 {role} 授予支持访问。", "Support access cannot be granted with the role {role}.")
    remedy = Bilingual(
        "请使用内置的只读支持角色；授予其他业务角色须有“授予角色”权限。",
        "Use the built-in read-only support role; other business roles need the permission to grant roles.",
    )
