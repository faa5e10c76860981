"""Errors of carrying out visits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from steward_tenants.errors import Conflict, FieldProblem, Forbidden, NotFound, StewardError
from steward_tenants.texts import Bilingual


class VisitNotFound(NotFound):
    """No such visit, or it is outside the actor's scope."""

    code = "visit_not_found"
    message = Bilingual("找不到该走访。", "No such visit.")


class VisitorNotFound(NotFound):
    """No such person, or outside the actor's scope."""

    code = "visitor_not_found"
    message = Bilingual("找不到该客户经理。", "No such account manager.")


class PhotoNotFound(NotFound):
    """The visit has no such photo."""

    code = "visit_photo_not_found"
    message = Bilingual("该走访没有此照片。", "The visit has no such photo.")


@dataclass(frozen=True)
class ChangedSince:
    """One change that the caller has not seen: by whom (None: the product itself), when, of which fields."""

    by: str | None
    at: datetime
    fields: tuple[str, ...]


class VisitChanged(Conflict):
    """The visit was changed since the caller read it; `changes` says what and by whom. Nothing was overwritten."""

    code = "visit_changed"
    message = Bilingual(
        "该走访在您读取后已被修改（{names}），未保存您的修改。",
        "The visit was changed since you read it (by {names}); your change was not saved.",
    )
    remedy = Bilingual(
        "请查看下列改动，合并后用新版本重新提交。",
        "Look at what changed, merge it and send yours with the new version.",
    )

    def __init__(self, version: int, changes: Sequence[ChangedSince]) -> None:
        self.version, self.changes = version, tuple(changes)
        super().__init__(
            problems=[_told(name, change) for change in changes for name in change.fields],
            names=Bilingual(
                "、".join(dict.fromkeys(one.by or "系统" for one in changes)) or "系统",
                ", ".join(dict.fromkeys(one.by or "the system" for one in changes)) or "the system",
            ),
        )


def _told(name: str, change: ChangedSince) -> FieldProblem:
    at = f"{change.at:%Y-%m-%d %H:%M}"
    text = Bilingual(f"{change.by or '系统'} 于 {at} 修改了此项。", f"{change.by or 'The system'} changed it at {at}.")
    return FieldProblem(tuple(name.split(".")), "changed_since", text)


class VisitThere(Conflict):
    """The id that a device gave a new visit stands for a visit already."""

    code = "visit_exists"
    message = Bilingual("该编号的走访已存在，现为“{state}”。", "A visit of this id exists; it is {state}.")
    remedy = Bilingual("请打开已有的走访继续。", "Go on with the one that exists.")


class VisitStateForbids(Conflict):
    """The visit's state does not take this command."""

    code = "visit_state_forbids"
    message = Bilingual("走访现为“{state}”，不能{command}。", "The visit is {state}; it does not take “{command}”.")
    remedy = Bilingual("请刷新走访，选择当前可用的操作。", "Reload the visit and choose what it takes now.")


class VisitOfAnother(Forbidden):
    """Only the visitor checks in."""

    code = "visit_of_another"
    message = Bilingual("只有走访人本人可以签到。", "Only the visitor can check in.")
    remedy = Bilingual("请由走访人签到，或由主管补登整次走访。", "Leave it to the visitor, or record the whole visit.")


class CheckInRefused(StewardError):
    """The check-in is not believed; each problem is one of its lines."""

    code = "check_in_refused"
    status = 422
    message = Bilingual("签到未通过。", "The check-in was refused.")
    remedy = Bilingual(
        "请按提示处理后重新签到，或请主管补登。", "Do as it says, or ask a supervisor to record the visit."
    )


class CorrectionNeedsReason(StewardError):
    """After its day a done visit changes by a correction with its reason only."""

    code = "correction_needs_reason"
    status = 422
    message = Bilingual("走访当日之后的修改须填写原因。", "After its day a done visit changes with a reason only.")
    remedy = Bilingual("请填写更正原因。", "Say why it is corrected.")


class NothingToTick(NotFound):
    """The visit's checklists have no such item."""

    code = "checklist_item_not_found"
    message = Bilingual("清单中没有 {item}。", "The checklist has no item {item}.")
    remedy = Bilingual("请从该走访的清单中选择。", "Choose one of the visit's own checklist.")
