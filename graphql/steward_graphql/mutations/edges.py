"""Mutations that see to their own transactions: people, support access, personal data, imports, runs."""

from __future__ import annotations

from collections.abc import Mapping
from smtplib import SMTPException
from typing import Any
from uuid import UUID

from steward_core.imports import edge as imports_edge
from steward_core.imports.models import ImportBatch
from steward_core.permissions import RECORDS_IMPORT
from steward_core.runs.models import Run
from steward_graphql.declared.scalars import DATETIME, ID, INT, JSON, STRING
from steward_graphql.declared.shapes import Argument, Asked, Mutation
from steward_graphql.errors import InvitationNotMailed
from steward_graphql.mutations.arguments import given
from steward_graphql.mutations.derive import zone_key
from steward_graphql.mutations.edge import edge
from steward_graphql.mutations.edges_visits import visit_edges
from steward_graphql.mutations.inputs import new_person_fields
from steward_graphql.mutations.payloads import Read, Result, done, plain, row, row_of, text
from steward_graphql.mutations.runs import advanced, seconds
from steward_tenants.access.permissions import (
    PEOPLE_MANAGE,
    PRIVACY_DECIDE,
    SETTINGS_MANAGE,
    SUPPORT_GRANT,
)
from steward_tenants.configuration.service import change_facts
from steward_tenants.database.database import Database
from steward_tenants.files.models import StoredFile
from steward_tenants.people.membership import create_user, disable_user, enable_user
from steward_tenants.people.models import User
from steward_tenants.privacy.models import PrivacyRequest
from steward_tenants.privacy.service import copy_personal_data, erase_personal_data
from steward_tenants.signin.recovery import Invitation, invite
from steward_tenants.signin.self_service import reset_second_factor
from steward_tenants.support.models import SupportAccess
from steward_tenants.support.service import SUPPORT_ROLE, grant_support_access
from steward_tenants.texts import Bilingual


def edges() -> tuple[Mutation, ...]:
    """All of them."""
    return (*_people(), *_tenant(), *_personal_data(), *_imports(), *visit_edges())


def _person(name: str = "user_id") -> Argument:
    return Argument("personId", ID, Bilingual("人员", "The person"), required=True, target=name)


def _reason(*, required: bool = False) -> Argument:
    return given("reason", STRING, "原因（留痕）", "Why; it goes on record", required=required)


def _invited() -> tuple[Result, ...]:
    return (
        text(
            "mailed_to",
            "邀请已寄往；未能寄出时为空",
            "Where the invitation went; null when it was not mailed",
            lambda answer, _: answer.mailed_to,
        ),
        text(
            "url",
            "邀请链接；已寄出时为空，只显示这一次",
            "The invitation's link where it could not be mailed; shown this once",
            lambda answer, _: None if answer.mailed_to else answer.url,
        ),
        plain("expires_at", DATETIME, "链接有效至", "Until when the link works"),
    )


def _of_invitation(read: Read) -> Read:
    """What is read from an invitation, of a person and the invitation; null when there is none."""
    return lambda answer, values: None if answer[1] is None else read(answer[1], values)


async def _create(database: Database, asked: Asked, **values: Any) -> tuple[User, Invitation | None]:
    user = await create_user(
        database,
        asked.tenant_id,
        asked.caller.actor,
        fields=values["fields"],
        today=asked.today,
        unit_id=values.get("unit_id"),
        request_id=asked.request_id,
    )
    try:
        return user, await _invite(database, asked, user_id=user.id)
    except InvitationNotMailed:
        return user, None


async def _invite(database: Database, asked: Asked, *, user_id: UUID) -> Invitation:
    try:
        return await invite(
            database,
            asked.mailer,
            asked.tenant_id,
            asked.caller.actor,
            user_id,
            public_url=asked.public_url,
            request_id=asked.request_id,
        )
    except (OSError, SMTPException) as error:
        raise InvitationNotMailed from error


async def _disable(database: Database, asked: Asked, *, user_id: UUID, reason: str) -> User:
    return await disable_user(
        database,
        asked.tenant_id,
        asked.caller.actor,
        user_id,
        today=asked.today,
        reason=reason,
        request_id=asked.request_id,
    )


async def _enable(database: Database, asked: Asked, *, user_id: UUID) -> User:
    return await enable_user(
        database, asked.tenant_id, asked.caller.actor, user_id, today=asked.today, request_id=asked.request_id
    )


async def _reset(database: Database, asked: Asked, *, user_id: UUID) -> None:
    await reset_second_factor(database, asked.tenant_id, asked.caller.actor, user_id, request_id=asked.request_id)


def _people() -> tuple[Mutation, ...]:
    person = row("person", User, "人员", "The person")
    created = row("person", User, "人员", "The person", lambda answer, _: answer[0])
    invited = tuple(Result(one.name, one.shape, one.text, _of_invitation(one.read)) for one in _invited())
    return (
        edge(
            "createPerson",
            Bilingual(
                "新建人员并发出邀请；邀请未能寄出时可用 invitePerson 重发",
                "Create a person, and invite them; where the letter could not be sent, invitePerson sends another",
            ),
            _create,
            results=(created, *invited),
            arguments=(
                given("fields", new_person_fields(), "人员字段", "The person's fields", required=True),
                given(
                    "unit_id", ID, "所属机构；不填须有全租户的权限", "The unit; without one it takes the right for all"
                ),
            ),
            permission=PEOPLE_MANAGE,
            secret=frozenset({"url"}),
            cost=200,
        ),
        edge(
            "invitePerson",
            Bilingual("给尚未开始使用的人员发新邀请", "Send a fresh invitation to somebody who has not started yet"),
            _invite,
            results=(row_of("person", User, "user_id", "人员", "The person"), *_invited()),
            arguments=(_person(),),
            permission=PEOPLE_MANAGE,
            secret=frozenset({"url"}),
        ),
        edge(
            "disablePerson",
            Bilingual("停用人员：一秒内全部会话失效", "Shut a person out of the tenant, within a second"),
            _disable,
            results=(person,),
            arguments=(_person(), _reason(required=True)),
            permission=PEOPLE_MANAGE,
        ),
        edge(
            "enablePerson",
            Bilingual(
                "恢复停用的人员；以前的会话不恢复", "Let a disabled person in again; sessions from before stay ended"
            ),
            _enable,
            results=(person,),
            arguments=(_person(),),
            permission=PEOPLE_MANAGE,
        ),
        edge(
            "resetSecondFactor",
            Bilingual(
                "重置他人遗失的第二因素并结束其会话",
                "Take a lost second factor away from another person and end their sessions",
            ),
            _reset,
            results=(row_of("person", User, "user_id", "人员", "The person"), done()),
            arguments=(_person(),),
            permission=None,
        ),
    )


async def _grant_support(database: Database, asked: Asked, **values: Any) -> SupportAccess:
    return await grant_support_access(
        database,
        asked.tenant_id,
        asked.caller.actor,
        operator_login=values["operator_login"],
        hours=values["hours"],
        reason=values["reason"],
        role_key=values.get("role_key", SUPPORT_ROLE),
        request_id=asked.request_id,
    )


async def _change_tenant(database: Database, asked: Asked, **values: Any) -> Any:
    return await change_facts(database, asked.tenant_id, asked.caller.actor, request_id=asked.request_id, **values)


def _tenant() -> tuple[Mutation, ...]:
    return (
        edge(
            "grantSupportAccess",
            Bilingual("授予运营人员限时的支持访问", "Let an operator in for some hours"),
            _grant_support,
            results=(row("support_access", SupportAccess, "支持访问", "The access"),),
            arguments=(
                given("operator_login", STRING, "运营人员登录名", "The operator's login", required=True),
                given("hours", INT, "时长（小时）", "For how many hours", required=True),
                _reason(required=True),
                given(
                    "role_key",
                    STRING,
                    "角色标识，默认只读的支持角色",
                    "Key of the role; the one that only reads by default",
                ),
            ),
            permission=SUPPORT_GRANT,
        ),
        edge(
            "changeTenant",
            Bilingual("修改租户的名称、语言或时区", "Change the name, language or time zone of the tenant"),
            _change_tenant,
            results=(
                text("name", "名称", "Its name", lambda answer, _: answer.name),
                text("locale", "语言", "Its language", lambda answer, _: answer.locale),
                text("time_zone", "时区", "Its time zone", lambda answer, _: answer.time_zone),
            ),
            arguments=(
                given("name", STRING, "名称", "Name"),
                given("locale", STRING, "语言：zh-CN 或 en", "Language: zh-CN or en"),
                given("time_zone", STRING, "时区，如 Asia/Shanghai", "Time zone, such as Asia/Shanghai"),
                Argument(
                    "version", INT, Bilingual("读到的版本", "The version that was read"), target="expected_version"
                ),
            ),
            permission=SETTINGS_MANAGE,
        ),
    )


async def _copy(database: Database, asked: Asked, *, request_id: UUID, reason: str | None = None) -> StoredFile:
    return await copy_personal_data(
        database, asked.tools.files, asked.tenant_id, asked.caller.actor, request_id, reason=reason
    )


async def _erase(database: Database, asked: Asked, *, request_id: UUID, reason: str | None = None) -> None:
    await erase_personal_data(database, asked.tenant_id, asked.caller.actor, request_id, reason=reason)


def _personal_data() -> tuple[Mutation, ...]:
    request = given("request_id", ID, "个人信息请求", "The personal-data request", required=True)
    decided = row_of("privacy_request", PrivacyRequest, "request_id", "个人信息请求", "The request")
    return (
        edge(
            "copyPersonalData",
            Bilingual(
                "同意副本请求：生成 ZIP 文件，由本人下载",
                "Grant a request for a copy: a ZIP file, for the person to download",
            ),
            _copy,
            results=(decided, *stored_file()),
            arguments=(request, _reason()),
            permission=PRIVACY_DECIDE,
            cost=200,
        ),
        edge(
            "erasePersonalData",
            Bilingual("同意删除请求：个人信息不可恢复", "Grant a request for erasure; there is no way back"),
            _erase,
            results=(decided, done()),
            arguments=(request, _reason()),
            permission=PRIVACY_DECIDE,
            cost=200,
        ),
    )


def stored_file() -> tuple[Result, ...]:
    """A file that was written, and where it is downloaded."""
    return (
        row("file", StoredFile, "文件", "The file"),
        plain("file_id", ID, "文件编号", "Id of the file", lambda answer, _: answer.id),
        text("download", "下载路径（REST）", "Path of its download (REST)", lambda answer, _: f"/files/{answer.id}"),
    )


def _place(database: Database, asked: Asked) -> imports_edge.Place:
    return imports_edge.Place(
        database,
        asked.tools,
        asked.tenant_id,
        asked.caller.actor,
        asked.today,
        zone_key(asked),
        asked.request_id,
    )


async def _start_import(database: Database, asked: Asked, **values: Any) -> Mapping[str, Any]:
    request = imports_edge.Request(
        values["target"],
        values.get("columns"),
        values.get("mapping"),
        values.get("options"),
        values.get("sheet"),
    )
    batch, run = await imports_edge.begin(_place(database, asked), values["file_id"], request)
    if values.get("seconds"):
        run = await advanced(database, asked, run.id, values["seconds"])
    return {"batch": batch, "run": run}


def _imports() -> tuple[Mutation, ...]:
    return (
        edge(
            "startImport",
            Bilingual(
                "开始导入已上传的文件：先检查，用 applyImport 写入；任务由后台自动执行",
                "Begin an import of an uploaded file: it is checked first, applyImport then writes it; workers"
                " drive the runs",
            ),
            _start_import,
            results=(
                row("import_batch", ImportBatch, "导入", "The import", lambda answer, _: answer["batch"]),
                row("run", Run, "检查任务", "The run of its check", lambda answer, _: answer["run"]),
            ),
            arguments=(
                given(
                    "file_id", ID, "已上传的 CSV 或 XLSX 文件", "The CSV or XLSX file that was uploaded", required=True
                ),
                given(
                    "target",
                    STRING,
                    "导入对象：client、contact、form:<插件>.<表单> 等",
                    "What it is for: client, contact, form:<plugin>.<form>, …",
                    required=True,
                ),
                given(
                    "columns",
                    JSON,
                    "列映射：{标题: 字段或空值}；不填则猜测",
                    "{heading: field or null}; guessed when left out",
                ),
                given("mapping", STRING, "已保存的或插件的列映射", "A saved mapping, or a plugin's, by name"),
                given("options", JSON, "导入选项", "Options of the import"),
                given("sheet", STRING, "工作表", "The sheet"),
                seconds("不填则只发起", "it is only begun when left out"),
            ),
            permission=RECORDS_IMPORT,
            cost=200,
        ),
    )
