"""The tenant, the caller, settings and the catalogue of permissions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from steward_graphql.catalogue.access import DUTY, SCOPE
from steward_graphql.catalogue.audit import ACTOR_KIND
from steward_graphql.declared.scalars import BOOLEAN, DATE, DATETIME, ID, INT, JSON, STRING
from steward_graphql.declared.shapes import Asked, EntityRef, Function, ListOf
from steward_graphql.functions.parts import argument, few, part, several, shape, texts
from steward_tenants.access.permissions import Permission, catalogue
from steward_tenants.configuration.queries import SettingState, all_settings, tenant_facts
from steward_tenants.configuration.settings import SETTINGS
from steward_tenants.database.actor import Actor, ActorKind
from steward_tenants.database.session import ReadSession
from steward_tenants.errors import invalid
from steward_tenants.plugins.queries import enabled_plugins
from steward_tenants.texts import Bilingual


@dataclass(frozen=True)
class TenantHere:
    """What anyone signed in may know of the tenant."""

    id: UUID
    key: str
    name: str
    locale: str
    time_zone: str
    today: date
    plugins: tuple[str, ...]


async def _tenant(session: ReadSession, asked: Asked) -> TenantHere:
    facts = await tenant_facts(asked.database, session.tenant_id)
    plugins = tuple(sorted(await enabled_plugins(session)))
    return TenantHere(facts.id, facts.key, facts.name, facts.locale, facts.time_zone, asked.today, plugins)


TENANT = shape(
    "Tenant",
    "租户",
    "The tenant",
    part("id", ID, "编号", "Identifier"),
    part("key", STRING, "租户标识", "Its short name"),
    part("name", STRING, "租户名称", "Its name"),
    part("locale", STRING, "默认语言", "Its usual language"),
    part("timeZone", STRING, "时区（IANA 名称）", "Its time zone, an IANA name"),
    part("today", DATE, "租户的今日", "The day that it is there"),
    several("plugins", STRING, "已启用的行业插件", "Keys of the industry plugins that are on"),
)


@dataclass(frozen=True)
class Viewer:
    """Who asks, and what they may."""

    actor: Actor
    scopes: Sequence[str] | None
    locale: str
    sign_in_session_id: UUID | None
    expires_at: datetime


async def _viewer(session: ReadSession, asked: Asked) -> Viewer:
    caller = asked.caller
    scopes = None if caller.scopes is None else sorted(caller.scopes)
    return Viewer(session.actor, scopes, asked.locale, caller.sign_in_session_id, caller.expires_at)


def _person(viewer: Viewer) -> UUID | None:
    return viewer.actor.id if viewer.actor.kind is ActorKind.USER else None


GRANT = shape(
    "Grant",
    "持有的角色及其数据范围",
    "A role that is held, and the rows it reaches",
    part("roleId", ID, "角色编号", "Identifier of the role"),
    part("roleKey", STRING, "角色标识", "The role's key"),
    part("scope", SCOPE, "数据范围", "Which rows it reaches", read=lambda grant: grant.scope.value),
    part("unitId", ID, "数据范围所指机构；空为本人所属机构", "The unit that it means; none: one's own", nullable=True),
    several("permissions", STRING, "权限标识", "Keys of its permissions", read=lambda grant: sorted(grant.permissions)),
)
VIEWER = shape(
    "Viewer",
    "当前调用者",
    "Who asks",
    part("kind", ACTOR_KIND, "类别", "What sort of actor it is", read=lambda viewer: viewer.actor.kind.value),
    part("id", ID, "编号", "Identifier", read=lambda viewer: viewer.actor.id),
    part("name", STRING, "名称", "Its name", read=lambda viewer: viewer.actor.label),
    part(
        "person",
        EntityRef("Person"),
        "对应的人员（可见时）",
        "The person, where one may see people",
        nullable=True,
        read=_person,
    ),
    part("unitId", ID, "所属机构编号", "Identifier of the unit", nullable=True, read=lambda one: one.actor.unit_id),
    several(
        "permissions",
        STRING,
        "全部权限标识",
        "Keys of all permissions held",
        read=lambda viewer: sorted(viewer.actor.permissions),
    ),
    several("grants", GRANT, "持有的角色", "The roles held", read=lambda viewer: viewer.actor.grants),
    several("scopes", STRING, "令牌的 OAuth 范围；空为登录会话", "OAuth scopes of the token", nullable=True),
    part("locale", STRING, "本次应答的语言", "The language of this answer"),
    part("signInSessionId", ID, "登录会话编号", "Identifier of the sign-in session", nullable=True),
    part("expiresAt", DATETIME, "凭证到期时间", "When the credentials end"),
)


@dataclass(frozen=True)
class _State:
    state: SettingState
    may_change: bool

    def json(self, value: Any) -> Any:
        """A value of the setting as JSON."""
        return self.state.setting.adapter.dump_python(value, mode="json")


async def _settings(session: ReadSession, asked: Asked, keys: list[str] | None = None) -> list[_State]:  # noqa: ARG001 - how functions are called
    """The tenant's settings; everybody in the tenant may read them. Raises InvalidInput (an unknown key)."""
    wanted = few("keys", keys)
    unknown = sorted(set(wanted) - set(SETTINGS))
    if unknown:
        raise invalid(
            "keys", "unknown", f"没有名为 {unknown[0][:60]} 的设置。", f"There is no setting {unknown[0][:60]}."
        )
    states = await all_settings(session)
    actor = session.actor
    return [
        _State(state, actor.unrestricted or state.setting.permission.key in actor.permissions)
        for key, state in states.items()
        if not wanted or key in wanted
    ]


SETTING = shape(
    "Setting",
    "租户设置",
    "A setting of the tenant",
    part("key", STRING, "标识", "Its key", read=lambda one: one.state.setting.key),
    texts("title", "名称", "Its title", read=lambda one: one.state.setting.title),
    part("value", JSON, "当前值", "The value that holds", nullable=True, read=lambda one: one.json(one.state.value)),
    part(
        "default",
        JSON,
        "默认值",
        "The declared default",
        nullable=True,
        read=lambda one: one.json(one.state.setting.default),
    ),
    part("schema", JSON, "值的 JSON Schema", "JSON Schema of the value", read=lambda one: one.state.setting.schema()),
    part(
        "permission",
        STRING,
        "修改所需权限",
        "What changing it needs",
        read=lambda one: one.state.setting.permission.key,
    ),
    part("mayChange", BOOLEAN, "调用者能否修改", "Whether the caller may change it"),
    part(
        "version", INT, "版本；0 为未设置", "Counts changes; 0: the default holds", read=lambda one: one.state.version
    ),
    part(
        "changedAt", DATETIME, "修改时间", "When it was changed", nullable=True, read=lambda one: one.state.changed_at
    ),
    part("changedById", ID, "修改人编号", "Who changed it", nullable=True, read=lambda one: one.state.changed_by),
)


async def _permissions(session: ReadSession, asked: Asked) -> Sequence[Permission]:  # noqa: ARG001 - how functions are called
    return catalogue.all()


PERMISSION = shape(
    "Permission",
    "权限",
    "What a role can allow",
    part("key", STRING, "标识", "Its key"),
    texts("title", "名称", "Its title"),
    part("duty", DUTY, "职责类别", "The duty it belongs to", read=lambda one: one.duty.value),
    part("changes", BOOLEAN, "是否允许修改数据", "Whether it allows changing anything"),
)

FUNCTIONS = (
    Function("tenant", Bilingual("当前租户", "The tenant"), TENANT, _tenant, cost=5),
    Function("viewer", Bilingual("当前调用者及其权限", "Who asks, and what they may"), VIEWER, _viewer, cost=2),
    Function(
        "settings",
        Bilingual("租户设置", "The tenant's settings"),
        ListOf(SETTING),
        _settings,
        (argument("keys", STRING, "只要这些设置", "Only these", listed=True),),
        cost=10,
    ),
    Function("permissions", Bilingual("全部权限", "All permissions that there are"), ListOf(PERMISSION), _permissions),
)
