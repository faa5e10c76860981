"""The day's commands of a device that was without network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from steward_core.permissions import VISITS_EDIT
from steward_core.visits.day_batch import Batch, DayAct, DayAnswer, DayCommand, Outcome, submit_day
from steward_core.visits.models import Visit
from steward_core.visits.visit_errors import VisitChanged
from steward_graphql.declared.scalars import BOOLEAN, DATE, DATETIME, DECIMAL, ID, INT, STRING, enum_of
from steward_graphql.declared.shapes import Asked, InputObject, ListOf, Mutation, ObjectShape, Part
from steward_graphql.mutations.arguments import given
from steward_graphql.mutations.derive import input_path, zone_key
from steward_graphql.mutations.edge import edge
from steward_graphql.mutations.inputs import part
from steward_graphql.mutations.offers_visits import STAGE, visit_fields
from steward_graphql.mutations.payloads import ITEM_ERROR, Result, ref_to, user_errors
from steward_tenants.database.database import Database
from steward_tenants.errors import FieldProblem
from steward_tenants.texts import Bilingual

ACT = enum_of(DayAct, "DayAct", "设备离线时可做的操作", "What a device can do without network")
OUTCOME = enum_of(Outcome, "DayOutcome", "一条命令的结果", "What became of a command")
COMMAND = InputObject(
    "DayCommand",
    Bilingual("设备离线时记下的一条命令", "One command that a device noted without network"),
    (
        part("key", STRING, "设备为此命令生成的唯一键", "The device's own key of this command", required=True),
        part("act", ACT, "操作", "What to do", required=True),
        part("visit_id", ID, "走访；新走访可由设备生成编号", "The visit; of a new one the device may make the id"),
        part("client_id", ID, "客户（安排与登记）", "The client, to plan or record"),
        part("version", INT, "读到的走访版本", "The version of the visit that was read"),
        part("day", DATE, "走访日期（安排）", "The day, to plan"),
        part("owner_id", ID, "走访人，默认本人", "The visitor; oneself when left out"),
        part("action_id", ID, "对应的计划事项", "The planned action that it serves"),
        part("device_time", DATETIME, "设备时间（签到、结束）", "The device's time, to check in or end"),
        part(
            "device_began_at", DATETIME, "设备记录的开始时间（登记）", "The device's time of the beginning, to record"
        ),
        part("device_ended_at", DATETIME, "设备记录的结束时间（登记）", "The device's time of the end, to record"),
        part("latitude", DECIMAL, "纬度（度）", "Latitude in degrees"),
        part("longitude", DECIMAL, "经度（度）", "Longitude in degrees"),
        part("accuracy_metres", INT, "定位误差（米）", "Accuracy of the position in metres"),
        part("fields", visit_fields(), "走访内容", "What is written down"),
        part("stage", STAGE, "哪份清单（勾选）", "Which checklist, to tick"),
        part("item", STRING, "清单项的键（勾选）", "Key of the item, to tick"),
        part("done", BOOLEAN, "是否完成（勾选）", "Whether it is done, to tick"),
        part("note", STRING, "说明（勾选）", "A note, to tick"),
        part("file_id", ID, "已上传的图片（添加照片）", "The picture that was uploaded, to attach"),
        part("reason", STRING, "原因（取消、更正）", "Why, to cancel or correct"),
    ),
)
_OWN = ("key", "act", "visit_id", "client_id", "version")


def visit_edges() -> tuple[Mutation, ...]:
    """All of them."""
    return (
        edge(
            "submitDay",
            Bilingual(
                "提交设备离线期间的全部命令：逐条执行、逐条答复，可重复提交",
                "Submit what a device did without network: command by command, each answered; it may be sent again",
            ),
            _submit,
            results=(
                Result(
                    "answers",
                    ListOf(_answer_shape()),
                    Bilingual("各条命令的结果，按顺序", "What became of each command, in order"),
                    lambda answer, _: answer,
                ),
            ),
            arguments=(
                given("sent_at", DATETIME, "发送时设备时钟的时间", "The device's clock at the sending", required=True),
                given(
                    "items",
                    COMMAND,
                    "命令，按发生顺序，最多 200 条",
                    "The commands in order, at most 200",
                    required=True,
                    listed=True,
                ),
            ),
            permission=VISITS_EDIT,
            cost=1000,
        ),
    )


def _answer_shape() -> ObjectShape:
    return ObjectShape(
        "DayAnswer",
        Bilingual("一条命令的结果", "What became of one command"),
        (
            Part("key", STRING, Bilingual("命令的键", "Key of the command"), nullable=False),
            Part("outcome", OUTCOME, Bilingual("结果", "Outcome"), nullable=False),
            Part("visitId", ID, Bilingual("走访编号", "Id of the visit")),
            Part("visit", ref_to(Visit), Bilingual("走访", "The visit")),
            Part("version", INT, Bilingual("走访当前版本", "The visit's version now")),
            Part(
                "changedBy",
                ListOf(STRING),
                Bilingual("有冲突时：谁改过", "In a conflict: who changed it"),
                nullable=False,
            ),
            Part(
                "changedFields",
                ListOf(STRING),
                Bilingual("有冲突时：改了哪些项", "In a conflict: which fields they changed"),
                nullable=False,
            ),
            Part("userErrors", ListOf(ITEM_ERROR), Bilingual("未执行的原因", "Why it was not applied"), nullable=False),
        ),
    )


async def _submit(database: Database, asked: Asked, *, sent_at: Any, items: Sequence[dict[str, Any]]) -> Any:
    batch = Batch(
        database, asked.tenant_id, asked.caller.actor, asked.today, zone_key(asked), sent_at, asked.request_id
    )
    answers = await submit_day(batch, [_command(item) for item in items])
    return [
        _told(place, item, answer, asked.locale)
        for place, (item, answer) in enumerate(zip(items, answers, strict=True))
    ]


def _command(item: dict[str, Any]) -> DayCommand:
    act = next(one for one in DayAct if one.value == item["act"])
    values = {name: value for name, value in item.items() if name not in _OWN}
    return DayCommand(item["key"], act, item.get("visit_id"), item.get("client_id"), item.get("version"), values)


def _told(place: int, item: Mapping[str, Any], answer: DayAnswer, locale: str) -> dict[str, Any]:
    error = answer.error
    if error is not None:
        error.problems = tuple(
            FieldProblem(_path(item, problem.path), problem.code, problem.message) for problem in error.problems
        )
    changes = error.changes if isinstance(error, VisitChanged) else ()
    return {
        "key": answer.key,
        "outcome": answer.outcome.value,
        "visitId": answer.visit_id,
        "visit": answer.visit_id,
        "version": answer.version,
        "changedBy": list(dict.fromkeys(one.by for one in changes if one.by)),
        "changedFields": sorted({name for one in changes for name in one.fields}),
        "userErrors": [] if error is None else user_errors(error, locale, within=("items", str(place))),
    }


def _path(item: Mapping[str, Any], path: tuple[str, ...]) -> tuple[str, ...]:
    """Where in an item stands what its command calls `path`: what it gives itself, or among its `fields`."""
    own = path[:1] == ("day",) and item["act"] == DayAct.PLAN.value
    return path if own or not path or path[0] in item else input_path(COMMAND.parts, path)
