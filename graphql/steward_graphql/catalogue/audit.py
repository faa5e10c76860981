"""The audit log: who did what, when and why. Personal values stand in it as digests, secrets masked."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement

from steward_graphql.catalogue.people import name_of
from steward_graphql.declared.entities import (
    Catalogue,
    Condition,
    Entity,
    ListRoot,
    Row,
    Special,
    column,
    computed,
    one,
)
from steward_graphql.declared.scalars import STRING, enum_of
from steward_tenants.access.permissions import AUDIT_READ
from steward_tenants.audit.models import AuditEvent
from steward_tenants.database.actor import ActorKind
from steward_tenants.database.session import ReadSession
from steward_tenants.texts import Bilingual

_LAST_CHARACTER = "\U0010ffff"

ACTOR_KIND = enum_of(
    ActorKind,
    "ActorKind",
    "操作者类别",
    "What sort of actor it is",
    {
        "user": ("用户", "User"),
        "client": ("对接应用", "API client"),
        "support": ("支持访问的运维人员", "Operator under support access"),
        "operator": ("运维人员", "Operator"),
        "system": ("平台", "The platform"),
    },
)


async def _beginning_with(_session: ReadSession, prefix: str, _today: date) -> Condition:
    """A range, which an index serves behind row-level security."""

    def condition(row: Row) -> ColumnElement[bool]:
        action: Any = row.table.action
        found: ColumnElement[bool] = (action >= prefix) & (action < prefix + _LAST_CHARACTER)
        return found

    return condition


AUDIT_EVENT = Entity(
    "AuditEvent",
    AuditEvent,
    Bilingual("审计事件：一次操作或一次敏感查看", "An audit event: one command or one sensitive read"),
    view=AUDIT_READ,
    key=("at", "id"),
    order=(("at", True),),
    node=False,
    recorded="read.audit",
    fields=(
        column(AuditEvent.id, "编号", "Identifier", filter=True),
        column(AuditEvent.at, "发生时间", "When it happened", filter=True, order=True, group=True),
        column(
            AuditEvent.action, "操作标识，查看类以 read. 开头", "Key of the command, or read.…", filter=True, group=True
        ),
        column(AuditEvent.actor_kind, "操作者类别", "Sort of actor", kind=ACTOR_KIND, filter=True, group=True),
        column(AuditEvent.actor_id, "操作者编号", "Identifier of who acted", filter=True, group=True),
        column(AuditEvent.actor_label, "操作者名称（用户除外）", "Name of an actor who is no user", filter=True),
        computed(
            "actorName",
            STRING,
            name_of("actor_id"),
            "操作者姓名（用户），已删除个人信息的为空",
            "The user's name as of today; none for others and for erased people",
        ),
        column(AuditEvent.subject_kind, "对象类别", "Sort of thing it was about", filter=True, group=True),
        column(AuditEvent.subject_id, "对象编号", "Identifier of what it was about", filter=True),
        column(
            AuditEvent.changes,
            "变更内容：字段 → [前, 后]；敏感值为摘要，密钥已遮盖",
            "What changed: field → [before, after]; personal values as digests, secrets masked",
        ),
        column(AuditEvent.reason, "原因", "The reason that was given"),
        column(AuditEvent.request_id, "请求编号", "Identifier of the request", filter=True),
        one("actor", "Person", AuditEvent.actor_id, "操作者（用户）", "Who acted, when it was a user"),
    ),
    specials=(
        Special(
            "actionPrefix",
            Bilingual("操作标识以此开头，例如 people.", "Actions that begin with this, as people."),
            _beginning_with,
            kind=STRING,
        ),
    ),
)

CATALOGUE = Catalogue(
    entities=(AUDIT_EVENT,),
    roots=(ListRoot("auditEvents", "AuditEvent", Bilingual("审计日志，最新在前", "The audit log, newest first")),),
)
