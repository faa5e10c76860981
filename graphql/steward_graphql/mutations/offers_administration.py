"""Commands of the tenant's administration: settings, plugins, API clients, people, roles, units."""

from __future__ import annotations

from steward_core.custom_fields.models import CustomField, FieldType
from steward_core.runs.models import Run
from steward_core.trusted_documents.models import TrustedDocument
from steward_graphql.declared.scalars import BOOLEAN, STRING
from steward_graphql.declared.shapes import Asked, ListOf
from steward_graphql.mutations import inputs
from steward_graphql.mutations.derive import RUNS_WAIT, Offer, columns
from steward_graphql.mutations.kinds import enum_kind
from steward_graphql.mutations.payloads import (
    CONFIGURATION_CHANGE,
    RENEWED,
    ROW_CHANGES,
    Result,
    done,
    id_of,
    number,
    plain,
    row,
    row_changes,
    row_of,
    rows,
    text,
)
from steward_tenants.access.models import Role, RoleAssignment
from steward_tenants.errors import Forbidden
from steward_tenants.oauth.models import ApiClient
from steward_tenants.organisation.models import OrgUnit
from steward_tenants.people.models import User
from steward_tenants.privacy.models import PrivacyRequest
from steward_tenants.support.models import SupportAccess
from steward_tenants.texts import Bilingual


def own_session(asked: Asked) -> None:
    """A caller with a sign-in session of its own: tokens of API clients do not manage sessions. Raises Forbidden."""
    if asked.caller.sign_in_session_id is None or asked.caller.token_id is not None:
        raise Forbidden(permission=Bilingual("本人登录会话", "One's own sign-in session"))


def _unit() -> Result:
    return row("unit", OrgUnit, "机构", "The unit")


def _person() -> Result:
    return row("person", User, "人员", "The person")


def _enabling() -> tuple[Result, ...]:
    return (
        text("plugin", "插件标识", "Key of the plugin", lambda answer, _: answer.switch.plugin),
        plain("enabled", BOOLEAN, "是否启用", "Whether it is on", lambda answer, _: answer.switch.enabled),
        number("version", "设置的版本", "Version of its settings", lambda answer, _: answer.switch.version),
        plain(
            "rows",
            ListOf(ROW_CHANGES),
            "类型、等级和指标的变化",
            "What became of its kinds, tiers and metrics",
            lambda answer, _: row_changes(answer.rows),
        ),
        rows("runs", Run, "等待推进的任务", "Runs that wait to be driven", lambda answer, _: answer.runs),
    )


def _switch() -> tuple[Result, ...]:
    return (
        text("plugin", "插件标识", "Key of the plugin", lambda answer, _: answer.plugin),
        plain("enabled", BOOLEAN, "是否启用", "Whether it is on"),
        number("version", "设置的版本", "Version of its settings", lambda answer, _: answer.version),
    )


def administration() -> dict[str, Offer]:
    """Settings, custom fields, plugins, API clients, documents, files."""
    plugin = {"key": "plugin"}
    field = row("custom_field", CustomField, "自定义字段", "The field")
    return {
        "configuration.setting.set": Offer(
            "setSetting", (text("key", "设置", "Its key", lambda _, given: given["key"]),)
        ),
        "configuration.setting.reset": Offer(
            "resetSetting", (text("key", "设置", "Its key", lambda _, given: given["key"]),)
        ),
        "configuration.apply": Offer(
            "applyConfiguration",
            (
                plain(
                    "changes",
                    ListOf(CONFIGURATION_CHANGE),
                    "已应用的变更",
                    "What was changed",
                    lambda answer, _: [
                        {"section": one.section, "key": one.key, "kind": str(one.kind), "fields": list(one.fields)}
                        for one in answer
                    ],
                ),
            ),
            cost=500,
        ),
        "custom_fields.create": Offer(
            "createCustomField",
            (field,),
            kinds={"kind": enum_kind(FieldType), "values": inputs.custom_field_values(new=True)},
        ),
        "custom_fields.change": Offer(
            "changeCustomField", (field,), kinds={"changes": inputs.custom_field_values(new=False)}
        ),
        "custom_fields.reorder": Offer(
            "reorderCustomFields", (rows("custom_fields", CustomField, "自定义字段", "The fields in order"),)
        ),
        "custom_fields.retire": Offer("retireCustomField", (field,)),
        "custom_fields.revive": Offer("reviveCustomField", (field,)),
        "plugins.enable": Offer("enablePlugin", _enabling(), RUNS_WAIT, shown=plugin, cost=200),
        "plugins.upgrade": Offer("upgradePlugin", _enabling(), RUNS_WAIT, shown=plugin, cost=500),
        "plugins.disable": Offer(
            "disablePlugin", _enabling(), Bilingual("记录仍可读", "its records stay readable"), shown=plugin
        ),
        "plugins.configure": Offer(
            "configurePlugin",
            _switch(),
            shown={**plugin, "values": "settings"},
            texts={"values": Bilingual("要改变的设置：{名称: 值}", "Settings to change: {name: value}")},
        ),
        "plugins.fault.settle": Offer("settlePluginFault", (id_of("fault_id"),)),
        "plugins.secrets.rotate": Offer(
            "rotatePluginSecrets",
            (
                plain(
                    "plugins",
                    ListOf(RENEWED),
                    "各插件",
                    "By plugin",
                    lambda answer, _: [{"plugin": key, "renewed": count} for key, count in answer.items()],
                ),
            ),
        ),
        "oauth.client.create": Offer(
            "createApiClient",
            _api_client(),
            Bilingual("由另一人 connectApiClient 后方可使用", "it works once another person has connected it"),
            kinds={"plan": inputs.api_client_plan()},
            secret=frozenset({"secret"}),
        ),
        "oauth.client.connect": Offer(
            "connectApiClient",
            _api_client(),
            Bilingual("密钥只显示这一次", "the secret is shown this once"),
            shown={"client_id": "api_client_id"},
            texts={"client_id": Bilingual("对接应用", "The API client")},
            secret=frozenset({"secret"}),
        ),
        "oauth.client.revoke": Offer(
            "revokeApiClient",
            (
                row_of("api_client", ApiClient, "client_id", "对接应用", "The API client"),
                number("tokens", "失效的令牌数", "How many tokens ended"),
            ),
            shown={"client_id": "api_client_id"},
            texts={"client_id": Bilingual("对接应用", "The API client")},
        ),
        "documents.trust": Offer(
            "trustDocument",
            (row("document", TrustedDocument, "受信任的文档", "The document"),),
            Bilingual("同一文本再次登记只更新名称", "the same text again only takes the new name"),
        ),
        "documents.withdraw": Offer(
            "withdrawDocument", (text("digest", "文档摘要", "Its digest", lambda _, given: given["digest"]),)
        ),
        "files.delete": Offer("deleteFile", (id_of("file_id"),)),
    }


def _api_client() -> tuple[Result, ...]:
    return (
        row("api_client", ApiClient, "对接应用", "The API client", lambda answer, _: answer.id),
        plain("client_id", STRING, "OAuth 客户端标识", "The name under which it presents itself"),
        plain("secret", STRING, "密钥，只显示一次，不予保存", "Its secret, shown this once and kept nowhere"),
    )


def people() -> dict[str, Offer]:
    """People, their data, sessions and roles; support access; org units."""
    unit = {"unit_id": Bilingual("所属机构；空值为无", "The unit; null for none")}
    ended = number("ended", "结束的会话数", "How many sessions ended")
    return {
        "people.update": Offer("updatePerson", (_person(),), kinds=columns(inputs.person_fields())),
        "people.move": Offer("movePerson", (_person(),), texts=unit),
        "privacy.request": Offer(
            "requestPersonalData",
            (row("privacy_request", PrivacyRequest, "个人信息请求", "The request"),),
        ),
        "privacy.refuse": Offer(
            "refusePersonalDataRequest",
            (row("privacy_request", PrivacyRequest, "个人信息请求", "The request"),),
        ),
        "signin.locale.change": Offer("changeLocale", (done(),), guard=own_session),
        "signin.session.revoke": Offer("revokeSession", (id_of("session_id"),), guard=own_session),
        "signin.session.revoke_others": Offer("revokeOtherSessions", (ended,), guard=own_session),
        "signin.session.revoke_user": Offer("revokePersonSessions", (ended,)),
        "support.end": Offer("endSupportAccess", (row("support_access", SupportAccess, "支持访问", "The access"),)),
        "access.grants.assign": Offer(
            "assignRole", (row("role_assignment", RoleAssignment, "角色授予", "The assignment"),)
        ),
        "access.grants.revoke": Offer("revokeRole", (id_of("assignment_id"),)),
        "access.roles.create": Offer("createRole", (row("role", Role, "角色", "The role"),)),
        "access.roles.edit": Offer("editRole", (row("role", Role, "角色", "The role"),)),
        "access.roles.delete": Offer("deleteRole", (id_of("role_id"),)),
        "units.create": Offer("createUnit", (_unit(),)),
        "units.rename": Offer("changeUnit", (_unit(),)),
        "units.move": Offer("moveUnit", (row_of("unit", OrgUnit, "unit_id", "机构", "The unit"),)),
        "units.cancel_move": Offer("cancelUnitMove", (row_of("unit", OrgUnit, "unit_id", "机构", "The unit"),)),
        "units.close": Offer("closeUnit", (_unit(),)),
        "units.reopen": Offer("reopenUnit", (_unit(),)),
    }
