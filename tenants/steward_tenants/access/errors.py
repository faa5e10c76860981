"""Errors of roles and grants."""

from __future__ import annotations

from steward_tenants.errors import Conflict, NotFound, StewardError
from steward_tenants.texts import Bilingual


class RoleNotFound(NotFound):
    """No such role or template."""

    code = "role_not_found"
    message = Bilingual("找不到该角色。", "No such role.")


class AssignmentNotFound(NotFound):
    """No such grant, or its holder is outside the actor's scope."""

    code = "assignment_not_found"
    message = Bilingual("找不到该授权。", "No such grant.")


class RoleChanged(Conflict):
    """The role was changed since the caller read it."""

    code = "role_changed"
    message = Bilingual("角色“{key}”已被他人修改。", "Role “{key}” was changed by someone else.")


class RoleKeyTaken(Conflict):
    """Another role of the tenant has this key."""

    code = "role_key_taken"
    message = Bilingual("角色标识“{key}”已被使用。", "The role key “{key}” is taken.")
    remedy = Bilingual("请换一个标识。", "Choose another key.")


class _Refused(StewardError):
    status = 409


class RoleBuiltIn(_Refused):
    """Built-in roles are not edited or deleted: copies of them are."""

    code = "role_built_in"
    message = Bilingual("“{key}”是内置角色，不能修改或删除。", "“{key}” is built in and stays as it is.")
    remedy = Bilingual("请复制该角色后修改副本。", "Copy the role and edit the copy.")


class RoleInUse(_Refused):
    """Somebody holds or held the role."""

    code = "role_in_use"
    message = Bilingual("角色“{key}”有 {count} 条授权记录。", "Role “{key}” has {count} grants, past ones counted.")
    remedy = Bilingual(
        "曾授予的角色须保留以备审计；请收回授权，不再使用即可。",
        "A role that was granted stays for the audit; end its grants and leave it unused.",
    )


class DutiesOverlap(_Refused):
    """One person would hold two administrative duties, or an auditor could change something."""

    code = "duties_overlap"
    message = Bilingual(
        "三权分立：{person}不能在同一日期同时持有“{one}”与“{other}”。",
        "Separation of duties: {person} may not hold “{one}” and “{other}” on the same day.",
    )
    remedy = Bilingual(
        "请授予另一人，或使两项授权的日期不重叠。", "Grant it to someone else, or let the days not overlap."
    )


class GrantToOneself(_Refused):
    """Nobody grants themselves, nor edits a role they hold."""

    code = "grant_to_oneself"
    status = 403
    message = Bilingual(
        "不能给自己授权，也不能修改自己持有的角色。", "Nobody grants themselves or edits a role they hold."
    )
    remedy = Bilingual("请由另一位安全管理员操作。", "Have another security administrator do it.")


class GrantsAreForPeople(_Refused):
    """API clients and support neither grant nor edit roles."""

    code = "grants_are_for_people"
    status = 403
    message = Bilingual("授权和角色只能由本租户人员管理。", "Only the tenant's own people manage roles and grants.")
    remedy = Bilingual("请由安全管理员登录后操作。", "Have a security administrator sign in and do it.")


class GrantBeyondReach(_Refused):
    """A grantor whose own reach is a part of the tenant hands out no more than that part."""

    code = "grant_beyond_reach"
    status = 403
    message = Bilingual("该数据范围超出您可授权的范围。", "This scope is wider than what you may grant.")
    remedy = Bilingual("请选择您管理范围内的机构。", "Choose a unit within your own scope.")


class AlreadyGranted(_Refused):
    """The person holds the same role with the same scope on some of these days."""

    code = "already_granted"
    message = Bilingual("该人员在这些日期已持有此角色。", "The person already holds this role on these days.")
    remedy = Bilingual("请先收回原授权，或调整日期。", "End that grant first, or choose other days.")


class GrantDayPast(_Refused):
    """Grants begin and end today or later: what held in the past stays as it was."""

    code = "grant_day_past"
    message = Bilingual("{day} 已过去，授权自 {today} 起调整。", "{day} has passed; grants change from {today} on.")
    remedy = Bilingual("请选择今天或以后的日期。", "Choose today or a later day.")


class GrantEnded(_Refused):
    """The grant has ended already, or ends before that day."""

    code = "grant_ended"
    message = Bilingual("该授权已于 {day} 结束。", "This grant ends on {day} already.")
    remedy = Bilingual("无需收回。", "Nothing needs to be revoked.")


class HolderNotWorking(_Refused):
    """Disabled and erased people get no roles."""

    code = "holder_not_working"
    message = Bilingual("“{name}”已停用，不能授予角色。", "{name} is disabled and gets no roles.")
    remedy = Bilingual("请先启用该人员。", "Enable the person first.")


class HolderNotArrived(_Refused):
    """An administrative role for someone whose invitation is still open: whoever handles the invitation would hold
    it."""

    code = "holder_not_arrived"
    message = Bilingual("“{name}”尚未接受邀请。", "{name} has not accepted the invitation yet.")
    remedy = Bilingual(
        "管理类角色请在本人首次登录后再授予。", "Grant administrative roles once the person has signed in."
    )


class LastSecurityAdmin(_Refused):
    """Nobody would be left who can grant roles for the whole tenant."""

    code = "last_security_admin"
    message = Bilingual("这是最后一位安全管理员。", "This is the last security administrator.")
    remedy = Bilingual("请先任命另一位安全管理员。", "Appoint another security administrator first.")
