"""The catalogue of permissions. Each is declared once, with the duty that it belongs to; floors above declare theirs.

Permissions named `reveal.<field class>` let the holder see values of that class unmasked.
"""

from __future__ import annotations

from dataclasses import dataclass

from steward_tenants.access.models import Duty
from steward_tenants.texts import Bilingual


@dataclass(frozen=True)
class Permission:
    """What a role can allow. `changes` is False for permissions that only read: all that an auditor may hold."""

    key: str
    title: Bilingual
    duty: Duty = Duty.BUSINESS
    changes: bool = True


class PermissionCatalogue:
    """All declared permissions by key."""

    def __init__(self) -> None:
        self._known: dict[str, Permission] = {}

    def declare(self, key: str, zh: str, en: str, *, duty: Duty = Duty.BUSINESS, changes: bool = True) -> Permission:
        """Declare one; a key stands once."""
        if key in self._known:
            raise ValueError(f"permission {key} is declared twice")
        self._known[key] = Permission(key, Bilingual(zh, en), duty, changes)
        return self._known[key]

    def get(self, key: str) -> Permission | None:
        """The permission of this key, if declared."""
        return self._known.get(key)

    def all(self) -> tuple[Permission, ...]:
        """All, in order of key."""
        return tuple(self._known[key] for key in sorted(self._known))


catalogue = PermissionCatalogue()
_declare = catalogue.declare

PEOPLE_VIEW = _declare("people.view", "查看人员", "See people", changes=False)
UNITS_VIEW = _declare("units.view", "查看组织机构", "See org units", changes=False)
REVEAL_PHONE = _declare("reveal.phone", "查看完整电话", "See phone numbers in full", changes=False)
REVEAL_EMAIL = _declare("reveal.email", "查看完整邮箱", "See e-mail addresses in full", changes=False)
REVEAL_IDENTITY = _declare("reveal.identity_number", "查看完整证件号", "See identity numbers in full", changes=False)
REVEAL_PAY = _declare("reveal.pay", "查看薪酬", "See pay", changes=False)
FILES_USE = _declare("files.use", "上传和下载文件", "Upload and download files")

PEOPLE_MANAGE = _declare("people.manage", "管理人员", "Manage people", duty=Duty.TENANT_ADMIN)
UNITS_MANAGE = _declare("units.manage", "管理组织机构", "Manage org units", duty=Duty.TENANT_ADMIN)
SETTINGS_MANAGE = _declare("settings.manage", "管理租户设置", "Manage settings", duty=Duty.TENANT_ADMIN)
PLUGINS_MANAGE = _declare("plugins.manage", "管理行业插件", "Manage plugins", duty=Duty.TENANT_ADMIN)
JOBS_VIEW = _declare("jobs.view", "查看后台任务", "See background jobs", changes=False)
JOBS_MANAGE = _declare("jobs.manage", "重试和放弃后台任务", "Retry and discard jobs", duty=Duty.TENANT_ADMIN)
EXPORT_TENANT = _declare("tenant.export", "导出租户全部数据", "Export the tenant's data", duty=Duty.TENANT_ADMIN)
PRIVACY_DECIDE = _declare(
    "privacy.decide", "处理个人信息请求", "Decide on personal-data requests", duty=Duty.TENANT_ADMIN
)

ROLES_MANAGE = _declare("roles.manage", "管理角色", "Manage roles", duty=Duty.SECURITY_ADMIN)
ROLES_GRANT = _declare("roles.grant", "授予角色", "Grant roles", duty=Duty.SECURITY_ADMIN)
SIGNIN_POLICY = _declare("signin.policy", "管理登录策略", "Manage the sign-in policy", duty=Duty.SECURITY_ADMIN)
SESSIONS_MANAGE = _declare("signin.sessions", "管理登录会话", "Revoke others' sessions", duty=Duty.SECURITY_ADMIN)
CLIENTS_MANAGE = _declare("api_clients.manage", "管理对接应用", "Manage API clients", duty=Duty.SECURITY_ADMIN)
CLIENTS_CONNECT = _declare(
    "api_clients.connect", "接入对接应用并领取密钥", "Connect API clients and receive secrets", duty=Duty.TENANT_ADMIN
)
SUPPORT_GRANT = _declare("support.grant", "授予支持访问", "Grant support access", duty=Duty.SECURITY_ADMIN)

AUDIT_READ = _declare("audit.read", "查看审计日志", "Read the audit log", duty=Duty.AUDITOR, changes=False)
AUDIT_EXPORT = _declare("audit.export", "导出审计日志", "Export the audit log", duty=Duty.AUDITOR, changes=False)
ROLES_VIEW = _declare("roles.view", "查看角色与授权", "See roles and grants", changes=False)
