"""What administrators look after: API clients, support access, personal-data requests, files, open sessions."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Text, and_, cast, func, literal, or_, select, true
from sqlalchemy.orm import aliased

from steward_graphql.catalogue.access import SCOPE
from steward_graphql.catalogue.people import name_of
from steward_graphql.declared.entities import (
    Catalogue,
    Entity,
    ListRoot,
    OneRoot,
    Row,
    column,
    computed,
    one,
)
from steward_graphql.declared.scalars import BOOLEAN, DATETIME, INT, LONG, STRING, enum_of
from steward_tenants.access.models import Role
from steward_tenants.access.permissions import (
    AUDIT_READ,
    CLIENTS_MANAGE,
    FILES_USE,
    PRIVACY_DECIDE,
    SESSIONS_MANAGE,
    SUPPORT_GRANT,
    Permission,
)
from steward_tenants.access.row_kinds import PERSON
from steward_tenants.access.symbolic import TODAY
from steward_tenants.audit.models import AuditEvent
from steward_tenants.database.actor import ActorKind
from steward_tenants.files.models import StoredFile
from steward_tenants.files.queries import in_reach
from steward_tenants.files.service import PURPOSES, UPLOAD
from steward_tenants.oauth.models import ApiClient, ApiClientStatus
from steward_tenants.people.models import User
from steward_tenants.privacy.models import PrivacyRequest, PrivacyRequestKind, PrivacyRequestStatus
from steward_tenants.signin.models import SessionKind, SignInSession
from steward_tenants.support.models import SupportAccess
from steward_tenants.texts import Bilingual


def _any_of(row: Row, *permissions: Permission) -> ColumnElement[bool]:
    """Every row to whoever has one of the permissions, none to others. A bound FALSE leaves wall 2 standing."""
    return true() if any(row.planning.profile.may(one) for one in permissions) else literal(False)


def _actor_id(row: Row) -> ColumnElement[Any]:
    return literal(row.planning.session.actor.id)


CLIENT_STATUS = enum_of(
    ApiClientStatus,
    "ApiClientStatus",
    "对接应用状态",
    "State of an API client",
    {"proposed": ("待接入", "Proposed"), "active": ("已接入", "Active"), "revoked": ("已吊销", "Revoked")},
)


def _public_id(row: Row) -> ColumnElement[Any]:
    bare = [func.replace(cast(one, Text), "-", "", type_=Text()) for one in (row.table.tenant_id, row.table.id)]
    joined: ColumnElement[Any] = bare[0].concat(literal(".")).concat(bare[1])
    return joined


API_CLIENT = Entity(
    "ApiClient",
    ApiClient,
    Bilingual("对接应用：与平台交换数据的外部系统", "An API client: a system that talks to the platform"),
    view=CLIENTS_MANAGE,
    order=(("name", False),),
    fields=(
        column(ApiClient.id, "编号", "Identifier", filter=True),
        column(ApiClient.name, "名称", "Its name", filter=True, order=True),
        computed("clientId", STRING, _public_id, "OAuth client_id", "Its public OAuth client_id", nullable=False),
        column(ApiClient.status, "状态", "State", kind=CLIENT_STATUS, filter=True, group=True),
        column(ApiClient.redirect_uris, "回调地址", "Where it may be redirected to"),
        column(ApiClient.grant_types, "授权方式", "OAuth grant types"),
        column(ApiClient.permissions, "最多可有的权限", "The permissions that its tokens may carry at most"),
        column(ApiClient.scope, "数据范围", "Which rows it reaches", kind=SCOPE, filter=True),
        column(ApiClient.unit_id, "数据范围所指机构编号", "Identifier of the unit that the scope means", filter=True),
        column(ApiClient.auth_method, "客户端认证方式", "How it authenticates"),
        column(ApiClient.created_by, "提出人编号", "Identifier of who proposed it", name="createdById", filter=True),
        column(ApiClient.created_at, "提出时间", "When it was proposed", filter=True, order=True),
        column(ApiClient.revoked_at, "吊销时间", "When it was revoked", filter=True),
        one("unit", "OrgUnit", ApiClient.unit_id, "数据范围所指机构", "The unit that the scope means"),
        one("createdBy", "Person", ApiClient.created_by, "提出人", "Who proposed it"),
    ),
)


def _live(access: Any) -> ColumnElement[bool]:
    return and_(access.ended_at.is_(None), access.expires_at > func.now())


def _opened(row: Row, figure: Any) -> ColumnElement[Any]:
    opened: Any = aliased(SignInSession)
    return (
        select(figure(opened))
        .where(row.within(opened), opened.support_access_id == row.table.id)
        .correlate(row.table)
        .scalar_subquery()
    )


def _still_open(opened: Any) -> ColumnElement[Any]:
    return func.count().filter(opened.revoked_at.is_(None), opened.expires_at > func.now())


def _support_events(row: Row) -> ColumnElement[Any]:
    event: Any = aliased(AuditEvent)
    return (
        select(func.count(event.id))
        .where(
            row.within(event),
            event.actor_kind == ActorKind.SUPPORT.value,
            event.actor_id == row.table.operator_account_id,
            event.at >= row.table.granted_at,
            event.at <= func.coalesce(row.table.ended_at, row.table.expires_at),
        )
        .correlate(row.table)
        .scalar_subquery()
    )


def _support_role(row: Row) -> ColumnElement[Any]:
    role: Any = aliased(Role)
    return select(role.key).where(row.within(role), role.id == row.table.role_id).correlate(row.table).scalar_subquery()


SUPPORT_ACCESS = Entity(
    "SupportAccess",
    SupportAccess,
    Bilingual("授予平台运维人员的支持访问", "Support access that the tenant granted to an operator"),
    reach=lambda row: _any_of(row, SUPPORT_GRANT, AUDIT_READ),
    order=(("grantedAt", True),),
    fields=(
        column(SupportAccess.id, "编号", "Identifier", filter=True),
        column(SupportAccess.operator_login, "运维人员登录名", "The operator's login", filter=True),
        column(SupportAccess.role_id, "角色编号", "Identifier of the role", filter=True),
        computed("roleKey", STRING, _support_role, "角色标识", "The role's key"),
        column(SupportAccess.reason, "原因", "The reason"),
        column(SupportAccess.granted_by, "授权人编号", "Identifier of who granted it", name="grantedById", filter=True),
        column(SupportAccess.granted_at, "授权时间", "When it was granted", filter=True, order=True),
        column(SupportAccess.expires_at, "到期时间", "When it ends by itself", filter=True, order=True),
        column(SupportAccess.ended_at, "结束时间", "When it was ended", filter=True),
        column(SupportAccess.ended_by, "结束人编号", "Identifier of who ended it", name="endedById"),
        computed(
            "live",
            BOOLEAN,
            lambda row: _live(row.table),
            "当前是否有效",
            "Whether it holds now",
            nullable=False,
            filter=True,
        ),
        computed(
            "sessions", INT, lambda row: _opened(row, lambda one: func.count(one.id)), "登录次数", "Sessions opened"
        ),
        computed("openSessions", INT, lambda row: _opened(row, _still_open), "当前会话数", "Sessions still open"),
        computed(
            "lastSeenAt",
            DATETIME,
            lambda row: _opened(row, lambda one: func.max(one.last_seen_at)),
            "最近使用时间",
            "When it was last used",
        ),
        computed("events", INT, _support_events, "操作留下的审计事件数", "Audit events that operators left under it"),
        one("grantedBy", "Person", SupportAccess.granted_by, "授权人", "Who granted it"),
        one("endedBy", "Person", SupportAccess.ended_by, "结束人", "Who ended it"),
    ),
)

REQUEST_KIND = enum_of(
    PrivacyRequestKind,
    "PrivacyRequestKind",
    "个人信息请求类别",
    "What a personal-data request asks for",
    {"export": ("查阅、复制", "A copy"), "erasure": ("删除", "Erasure")},
)
REQUEST_STATUS = enum_of(
    PrivacyRequestStatus,
    "PrivacyRequestStatus",
    "个人信息请求状态",
    "State of a personal-data request",
    {"open": ("待处理", "Open"), "done": ("已办理", "Done"), "refused": ("已拒绝", "Refused")},
)


def _request_in_reach(row: Row) -> ColumnElement[bool]:
    """All to those who decide, else those about or by the actor."""
    if row.planning.profile.may(PRIVACY_DECIDE):
        return true()
    return or_(row.table.subject_user_id == _actor_id(row), row.table.requested_by == _actor_id(row))


PRIVACY_REQUEST = Entity(
    "PrivacyRequest",
    PrivacyRequest,
    Bilingual("个人信息请求", "A request about personal data"),
    reach=_request_in_reach,
    order=(("createdAt", True),),
    fields=(
        column(PrivacyRequest.id, "编号", "Identifier", filter=True),
        column(PrivacyRequest.kind, "类别", "What it asks for", kind=REQUEST_KIND, filter=True, group=True),
        column(PrivacyRequest.status, "状态", "State", kind=REQUEST_STATUS, filter=True, group=True),
        column(PrivacyRequest.subject_user_id, "当事人编号", "Whose data it is about", name="subjectId", filter=True),
        column(PrivacyRequest.requested_by, "提出人编号", "Identifier of who asked", name="requestedById", filter=True),
        column(PrivacyRequest.reason, "提出原因", "The reason that was given"),
        column(PrivacyRequest.decided_by, "处理人编号", "Identifier of who decided", name="decidedById", filter=True),
        column(PrivacyRequest.decision_reason, "处理说明", "What the decision says"),
        column(PrivacyRequest.decided_at, "处理时间", "When it was decided", filter=True, order=True),
        column(PrivacyRequest.file_id, "副本文件编号", "Identifier of the file with the copy"),
        column(PrivacyRequest.created_at, "提出时间", "When it was asked", filter=True, order=True, group=True),
        one("subject", "Person", PrivacyRequest.subject_user_id, "当事人", "The person it is about"),
        one("requestedBy", "Person", PrivacyRequest.requested_by, "提出人", "Who asked"),
        one("decidedBy", "Person", PrivacyRequest.decided_by, "处理人", "Who decided"),
    ),
)


def _is_there(row: Row) -> ColumnElement[bool]:
    kept = or_(row.table.expires_at.is_(None), row.table.expires_at > func.now())
    return and_(row.table.deleted_at.is_(None), kept)


def _file_in_reach(row: Row) -> ColumnElement[bool]:
    """Uploads in scope, and the actor's own files of the purposes whose owner may always open them."""
    own = sorted(purpose.key for purpose in PURPOSES.values() if purpose.owner_may)
    uploads = in_reach(row.planning.session, FILES_USE, row.table.owner_id, TODAY)
    return or_(
        and_(row.table.purpose == UPLOAD.key, uploads),
        and_(row.table.purpose.in_(own), row.table.owner_id == _actor_id(row)),
    )


STORED_FILE = Entity(
    "StoredFile",
    StoredFile,
    Bilingual("文件；内容经下载接口取得", "A file; its bytes come from the download endpoint"),
    reach=_file_in_reach,
    belongs=_is_there,
    order=(("createdAt", True),),
    plural="files",
    fields=(
        column(StoredFile.id, "编号", "Identifier", filter=True),
        column(StoredFile.purpose, "用途：upload、import、export 等", "What it is for", filter=True, group=True),
        column(StoredFile.name, "文件名", "Its name", filter=True, order=True),
        column(StoredFile.media_type, "媒体类型", "Media type", filter=True, group=True),
        column(StoredFile.size, "大小（字节）", "Size in bytes", kind=LONG, filter=True, order=True, aggregate=True),
        computed(
            "sha256",
            STRING,
            lambda row: func.encode(row.table.sha256, "hex", type_=Text()),
            "SHA-256（十六进制）",
            "SHA-256 of the bytes, in hexadecimal",
            nullable=False,
        ),
        column(StoredFile.owner_id, "所有人编号", "Identifier of its owner", filter=True),
        computed("ownerName", STRING, name_of("owner_id"), "所有人姓名", "The owner's name"),
        column(StoredFile.created_at, "上传时间", "When it was stored", filter=True, order=True, group=True),
        column(StoredFile.expires_at, "到期时间", "When it goes away", filter=True, order=True),
    ),
)

SESSION_KIND = enum_of(
    SessionKind,
    "SessionKind",
    "会话类别",
    "What sort of session it is",
    {"user": ("用户", "A user's"), "support": ("支持访问", "An operator's")},
)


def _session_in_reach(row: Row) -> ColumnElement[bool]:
    """One's own, and those of people whose sessions the actor may revoke."""
    person: Any = aliased(User)
    own: ColumnElement[bool] = row.table.subject_id == _actor_id(row)
    if not row.planning.profile.may(SESSIONS_MANAGE):
        return own
    managed = (
        select(person.id)
        .where(
            row.within(person),
            person.id == row.table.subject_id,
            PERSON.reached(row.planning.session, SESSIONS_MANAGE, TODAY, person),
        )
        .correlate(row.table)
        .exists()
    )
    return or_(own, managed)


SIGN_IN_SESSION = Entity(
    "SignInSession",
    SignInSession,
    Bilingual("登录会话", "A signed-in device"),
    reach=_session_in_reach,
    belongs=lambda row: and_(row.table.revoked_at.is_(None), row.table.expires_at > func.now()),
    order=(("createdAt", True),),
    fields=(
        column(SignInSession.id, "编号", "Identifier", filter=True),
        column(SignInSession.kind, "类别", "Sort", kind=SESSION_KIND, filter=True),
        column(SignInSession.subject_id, "登录人编号", "Identifier of who signed in", name="personId", filter=True),
        column(SignInSession.address, "网络地址", "Network address"),
        column(SignInSession.user_agent, "浏览器", "Browser"),
        column(SignInSession.second_factor, "是否经过第二因素验证", "Whether a second factor was shown", filter=True),
        column(SignInSession.created_at, "登录时间", "When it began", filter=True, order=True),
        column(SignInSession.last_seen_at, "最近活动时间", "When it was last used", filter=True, order=True),
        column(SignInSession.expires_at, "到期时间", "When it ends", filter=True),
    ),
)

CATALOGUE = Catalogue(
    entities=(API_CLIENT, SUPPORT_ACCESS, PRIVACY_REQUEST, STORED_FILE, SIGN_IN_SESSION),
    roots=(
        ListRoot("apiClients", "ApiClient", Bilingual("对接应用", "The tenant's API clients")),
        OneRoot("apiClient", "ApiClient", Bilingual("一个对接应用", "One API client")),
        ListRoot("supportAccesses", "SupportAccess", Bilingual("支持访问，最新在前", "Support accesses, newest first")),
        ListRoot("privacyRequests", "PrivacyRequest", Bilingual("个人信息请求", "Requests about personal data")),
        OneRoot("privacyRequest", "PrivacyRequest", Bilingual("一个个人信息请求", "One request about personal data")),
        ListRoot("files", "StoredFile", Bilingual("可见的文件", "The files within reach")),
        OneRoot("file", "StoredFile", Bilingual("一个文件", "One file")),
        ListRoot("signInSessions", "SignInSession", Bilingual("登录会话", "Open sessions: one's own, and others'")),
    ),
)
