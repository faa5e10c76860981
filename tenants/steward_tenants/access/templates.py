"""The built-in roles: the cast of an account manager's company. Floors above extend them with their permissions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from steward_tenants.access import permissions as p
from steward_tenants.access.models import Duty
from steward_tenants.access.permissions import Permission
from steward_tenants.access.rules import duty_problems
from steward_tenants.database.actor import Scope
from steward_tenants.texts import Bilingual


@dataclass(frozen=True)
class RoleTemplate:
    """A role as every tenant gets it. `scope` is the one that it is usually granted with."""

    key: str
    title: Bilingual
    duty: Duty
    scope: Scope
    permissions: frozenset[str]


_known: dict[str, RoleTemplate] = {}
TEMPLATES: Mapping[str, RoleTemplate] = MappingProxyType(_known)


def declare_template(
    key: str,
    zh: str,
    en: str,
    *permissions: Permission,
    duty: Duty = Duty.BUSINESS,
    scope: Scope = Scope.ALL,
) -> RoleTemplate:
    """Declare a built-in role; a key stands once and its permissions suit its duty."""
    if key in _known:
        raise ValueError(f"role template {key} is declared twice")
    template = RoleTemplate(key, Bilingual(zh, en), duty, scope, frozenset())
    _known[key] = template
    return extend_template(key, *permissions)


def extend_template(key: str, *permissions: Permission) -> RoleTemplate:
    """Give a built-in role more permissions; tenants get them at the next `install_builtin_roles`."""
    template = _known[key]
    wanted = template.permissions | {permission.key for permission in permissions}
    if refused := duty_problems(template.duty, wanted):
        raise ValueError(f"role template {key} may not hold {', '.join(refused)}")
    _known[key] = replace(template, permissions=wanted)
    return _known[key]


_SEES = (p.PEOPLE_VIEW, p.UNITS_VIEW)

declare_template(
    "tenant_admin",
    "租户管理员",
    "Tenant administrator",
    *_SEES,
    p.REVEAL_PHONE,
    p.REVEAL_EMAIL,
    p.FILES_USE,
    p.PEOPLE_MANAGE,
    p.UNITS_MANAGE,
    p.SETTINGS_MANAGE,
    p.PLUGINS_MANAGE,
    p.JOBS_VIEW,
    p.JOBS_MANAGE,
    p.EXPORT_TENANT,
    p.PRIVACY_DECIDE,
    p.CLIENTS_CONNECT,
    duty=Duty.TENANT_ADMIN,
)
declare_template(
    "security_admin",
    "安全管理员",
    "Security administrator",
    *_SEES,
    p.ROLES_VIEW,
    p.ROLES_MANAGE,
    p.ROLES_GRANT,
    p.SIGNIN_POLICY,
    p.SESSIONS_MANAGE,
    p.CLIENTS_MANAGE,
    p.SUPPORT_GRANT,
    duty=Duty.SECURITY_ADMIN,
)
declare_template(
    "auditor",
    "安全审计员",
    "Security auditor",
    *_SEES,
    p.ROLES_VIEW,
    p.AUDIT_READ,
    p.AUDIT_EXPORT,
    duty=Duty.AUDITOR,
)
declare_template(
    "supervisor",
    "主管",
    "Supervisor",
    *_SEES,
    p.REVEAL_PHONE,
    p.REVEAL_EMAIL,
    p.FILES_USE,
    scope=Scope.SUBTREE,
)
declare_template(
    "account_manager",
    "客户经理",
    "Account manager",
    *_SEES,
    p.REVEAL_PHONE,
    p.REVEAL_EMAIL,
    p.FILES_USE,
    scope=Scope.OWN,
)
declare_template(
    "payroll_officer",
    "薪酬管理员",
    "Payroll officer",
    *_SEES,
    p.REVEAL_PHONE,
    p.REVEAL_IDENTITY,
    p.REVEAL_PAY,
    p.FILES_USE,
)
declare_template(
    "training_officer", "培训管理员", "Training officer", *_SEES, p.REVEAL_PHONE, p.REVEAL_EMAIL, p.FILES_USE
)
declare_template("reviewer", "考评委员", "Reviewer", *_SEES, p.FILES_USE)
declare_template("support", "平台支持（只读）", "Platform support (read-only)", *_SEES, p.ROLES_VIEW)
