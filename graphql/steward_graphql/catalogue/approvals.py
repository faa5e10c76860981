"""Approvals: definitions, approvals with their trail, who is asked, who stands in, and requests about nothing else."""

from __future__ import annotations

from sqlalchemy import ColumnElement

from steward_core.approvals.models import (
    Approval,
    ApprovalAbsence,
    ApprovalDefinition,
    ApprovalEntry,
    ApprovalRequest,
    ApprovalSeat,
    RequestKind,
    RequestStatus,
)
from steward_core.approvals.row_kinds import (
    APPROVAL,
    APPROVAL_ABSENCE,
    APPROVAL_ENTRY,
    APPROVAL_REQUEST,
    APPROVAL_SEAT,
)
from steward_core.approvals.state import Status
from steward_core.approvals.trail import Act
from steward_core.forms.fields import Choice
from steward_core.permissions import APPROVALS_VIEW
from steward_graphql.catalogue.people import name_of
from steward_graphql.declared.entities import (
    Catalogue,
    Condition,
    Entity,
    ListRoot,
    OneRoot,
    Row,
    column,
    computed,
    many,
    one,
)
from steward_graphql.declared.scalars import STRING, EnumKind
from steward_tenants.access.row_kinds import RowKind
from steward_tenants.access.symbolic import TODAY
from steward_tenants.texts import Bilingual


def _choices(kind: type[Choice], name: str, zh: str, en: str) -> EnumKind:
    return EnumKind(name, Bilingual(zh, en), tuple((one.value, one.title) for one in kind))


def _reach(kind: RowKind) -> Condition:
    """That a row is within the scope of its kind, or that the actor has a part in it."""

    def reached(row: Row) -> ColumnElement[bool]:
        return kind.reached(row.planning.session, APPROVALS_VIEW, TODAY, row.table)

    return reached


APPROVAL_STATUS = _choices(Status, "ApprovalStatus", "审批的状态", "State of an approval")
APPROVAL_ACT = _choices(Act, "ApprovalAct", "审批操作", "What is done in an approval")
REQUEST_KIND = _choices(RequestKind, "ApprovalRequestKind", "申请类型", "What is asked for")
REQUEST_STATUS = _choices(RequestStatus, "ApprovalRequestStatus", "申请的状态", "State of a request")

DEFINITION = Entity(
    "ApprovalDefinition",
    ApprovalDefinition,
    Bilingual("审批流程的一个版本", "One version of how subjects of a kind are approved"),
    view=APPROVALS_VIEW,
    order=(("key", False), ("version", True)),
    fields=(
        column(ApprovalDefinition.id, "编号", "Identifier", filter=True),
        column(ApprovalDefinition.key, "标识", "Its key", filter=True, order=True, group=True),
        column(ApprovalDefinition.version, "版本，从 1 开始", "Its version, from 1", filter=True, order=True),
        column(
            ApprovalDefinition.subject,
            "审批事项的标识",
            "Key of the kind of subject",
            filter=True,
            order=True,
            group=True,
        ),
        column(ApprovalDefinition.title_zh, "中文名称", "Chinese title"),
        column(ApprovalDefinition.title_en, "英文名称", "English title"),
        column(
            ApprovalDefinition.place,
            "在同类事项流程中的次序，先符合者生效",
            "Its place among those of its subject: the first that fits counts",
            filter=True,
            order=True,
        ),
        column(ApprovalDefinition.document, "流程内容", "The whole definition"),
        column(ApprovalDefinition.active, "是否生效", "Whether it is in force", filter=True, group=True),
        column(ApprovalDefinition.made_at, "设定时间", "When it was set", filter=True, order=True),
        column(ApprovalDefinition.made_by, "设定人编号", "Id of who set it", name="madeById", filter=True),
        one("madeBy", "Person", ApprovalDefinition.made_by, "设定人", "Who set it"),
    ),
)

APPROVAL_ENTITY = Entity(
    "Approval",
    Approval,
    Bilingual("一次审批", "One subject that needs a yes, and where it stands"),
    view=APPROVALS_VIEW,
    reach=_reach(APPROVAL),
    order=(("startedAt", True),),
    fields=(
        column(Approval.id, "编号", "Identifier", filter=True),
        column(Approval.subject, "审批事项的标识", "Key of the kind of subject", filter=True, group=True),
        column(Approval.subject_id, "审批对象的编号", "Id of the subject", filter=True),
        column(Approval.title, "标题", "What it is called", filter=True, order=True),
        column(Approval.requester_id, "申请人编号", "Id of the requester", filter=True, group=True),
        computed("requesterName", STRING, name_of("requester_id"), "申请人姓名", "Name of the requester"),
        column(
            Approval.successor_id,
            "接手人编号，可撤回和重新提交",
            "Id of who took the subject over and may withdraw it and submit it again",
            filter=True,
        ),
        column(Approval.owner_id, "事项负责人编号", "Id of the subject's owner", filter=True, group=True),
        computed("ownerName", STRING, name_of("owner_id"), "事项负责人姓名", "Name of the subject's owner"),
        column(Approval.unit_id, "机构编号", "Id of the subject's unit", filter=True, group=True),
        column(Approval.client_id, "客户编号", "Id of the client that it is about", filter=True),
        column(Approval.definition_key, "流程标识", "Key of its definition", filter=True, group=True),
        column(Approval.definition_version, "流程版本", "Version of its definition", filter=True),
        column(Approval.definition, "发起时的流程内容", "The definition under which it began"),
        column(Approval.status, "状态", "Its state", kind=APPROVAL_STATUS, filter=True, order=True, group=True),
        column(
            Approval.step, "当前或最后的步骤", "Key of the step that is, or was last, open", filter=True, group=True
        ),
        column(Approval.step_zh, "步骤中文名称", "Chinese title of that step"),
        column(Approval.step_en, "步骤英文名称", "English title of that step"),
        column(Approval.turn, "第几轮，审批时须给出", "Counts how often a step opened; who decides names it"),
        column(Approval.started_at, "发起时间", "When it began", filter=True, order=True),
        column(Approval.opened_at, "当前步骤的开始时间", "When that step opened", filter=True, order=True),
        column(
            Approval.next_at,
            "下次催办或到期的时间",
            "When the next reminder or its end is due",
            filter=True,
            order=True,
        ),
        column(Approval.ended_at, "结束时间", "When it ended", filter=True, order=True),
        column(Approval.version, "版本，每次变化加一", "Counts its changes"),
        one("requester", "Person", Approval.requester_id, "申请人", "The requester"),
        one("successor", "Person", Approval.successor_id, "接手人", "Who took the subject over"),
        one("owner", "Person", Approval.owner_id, "事项负责人", "The subject's owner"),
        one("unit", "OrgUnit", Approval.unit_id, "机构", "The subject's unit"),
        one("client", "Client", Approval.client_id, "客户", "The client that it is about"),
        many("entries", "ApprovalEntry", "approval_id", "审批记录", "Its trail", filter=True),
        many("seats", "ApprovalSeat", "approval_id", "当前可审批的人", "Who may decide at present", filter=True),
    ),
)

ENTRY = Entity(
    "ApprovalEntry",
    ApprovalEntry,
    Bilingual("一条审批记录", "One entry of an approval's trail"),
    view=APPROVALS_VIEW,
    reach=_reach(APPROVAL_ENTRY),
    order=(("number", False),),
    fields=(
        column(ApprovalEntry.id, "编号", "Identifier: the command's own key", filter=True),
        column(ApprovalEntry.approval_id, "审批编号", "Id of the approval", filter=True),
        column(ApprovalEntry.number, "第几条，从 1 开始", "Its number, from 1", filter=True, order=True),
        column(ApprovalEntry.act, "操作", "What was done", kind=APPROVAL_ACT, filter=True, group=True),
        column(ApprovalEntry.at, "时间", "When", filter=True, order=True),
        column(
            ApprovalEntry.actor_id,
            "操作人编号；空为系统",
            "Id of who did it; none: the product itself",
            filter=True,
            group=True,
        ),
        computed("actorName", STRING, name_of("actor_id"), "操作人姓名", "Name of who did it"),
        column(ApprovalEntry.turn, "操作时所见的轮次", "The turn that the actor saw"),
        column(ApprovalEntry.person_id, "对象人员编号", "Id of who comes in by it", filter=True),
        computed("personName", STRING, name_of("person_id"), "对象人员姓名", "Name of who comes in by it"),
        column(
            ApprovalEntry.instead_of_id, "被替换或被代办人编号", "Id of who is replaced or stood in for", filter=True
        ),
        column(
            ApprovalEntry.step, "退回到的步骤；空为申请人", "The step that it was sent back to; none: the requester"
        ),
        column(ApprovalEntry.reason, "理由", "The reason"),
        one("approval", "Approval", ApprovalEntry.approval_id, "审批", "The approval", granted=True),
        one("actor", "Person", ApprovalEntry.actor_id, "操作人", "Who did it"),
        one("person", "Person", ApprovalEntry.person_id, "对象人员", "Who comes in by it"),
        one("insteadOf", "Person", ApprovalEntry.instead_of_id, "被替换或被代办人", "Who is replaced or stood in for"),
    ),
)

SEAT = Entity(
    "ApprovalSeat",
    ApprovalSeat,
    Bilingual("当前可审批某事项的人", "Somebody who may decide on an approval at present"),
    view=APPROVALS_VIEW,
    reach=_reach(APPROVAL_SEAT),
    order=(("since", True),),
    fields=(
        column(ApprovalSeat.id, "编号", "Identifier", filter=True),
        column(ApprovalSeat.approval_id, "审批编号", "Id of the approval", filter=True),
        column(ApprovalSeat.user_id, "人员编号", "Id of who may decide", name="personId", filter=True, group=True),
        computed("personName", STRING, name_of("user_id"), "人员姓名", "Name of who may decide"),
        column(
            ApprovalSeat.asked_id,
            "审批人编号；与人员不同则为代办或受托",
            "Id of the approver; another than the person: who stands in or was asked by them",
            filter=True,
            group=True,
        ),
        computed("askedName", STRING, name_of("asked_id"), "审批人姓名", "Name of the approver"),
        column(ApprovalSeat.step, "步骤标识", "Key of the step", filter=True),
        column(ApprovalSeat.turn, "轮次，审批时须给出", "The turn, which a decision names"),
        column(ApprovalSeat.since, "开始等待的时间", "Since when it waits", filter=True, order=True),
        one("approval", "Approval", ApprovalSeat.approval_id, "审批", "The approval", granted=True),
        one("person", "Person", ApprovalSeat.user_id, "人员", "Who may decide"),
        one("asked", "Person", ApprovalSeat.asked_id, "审批人", "The approver"),
    ),
)

ABSENCE = Entity(
    "ApprovalAbsence",
    ApprovalAbsence,
    Bilingual("一段时间内的审批代办", "Who decides in somebody's place while they are away"),
    view=APPROVALS_VIEW,
    reach=_reach(APPROVAL_ABSENCE),
    order=(("startsAt", True),),
    fields=(
        column(ApprovalAbsence.id, "编号", "Identifier", filter=True),
        column(ApprovalAbsence.user_id, "缺席人编号", "Id of who is away", name="personId", filter=True),
        computed("personName", STRING, name_of("user_id"), "缺席人姓名", "Name of who is away"),
        column(ApprovalAbsence.substitute_id, "代办人编号", "Id of the substitute", filter=True),
        computed("substituteName", STRING, name_of("substitute_id"), "代办人姓名", "Name of the substitute"),
        column(ApprovalAbsence.starts_at, "开始时间", "From this moment", filter=True, order=True),
        column(ApprovalAbsence.ends_at, "结束时间（不含）", "Until this moment", filter=True, order=True),
        column(ApprovalAbsence.set_by, "设定人编号", "Id of who set it", name="setById", filter=True),
        column(ApprovalAbsence.set_at, "设定时间", "When it was set", filter=True, order=True),
        column(ApprovalAbsence.cancelled_at, "提前结束的时间", "When it was called off or cut short", filter=True),
        one("person", "Person", ApprovalAbsence.user_id, "缺席人", "Who is away"),
        one("substitute", "Person", ApprovalAbsence.substitute_id, "代办人", "The substitute"),
        one("setBy", "Person", ApprovalAbsence.set_by, "设定人", "Who set it"),
    ),
)

REQUEST = Entity(
    "ApprovalRequest",
    ApprovalRequest,
    Bilingual("一份申请：请假、合理定量或其他", "A request: leave, a reasonable volume, or anything else"),
    view=APPROVALS_VIEW,
    reach=_reach(APPROVAL_REQUEST),
    order=(("createdAt", True),),
    fields=(
        column(ApprovalRequest.id, "编号", "Identifier", filter=True),
        column(ApprovalRequest.kind, "类型", "What is asked for", kind=REQUEST_KIND, filter=True, group=True),
        column(ApprovalRequest.title, "标题", "Its title", filter=True, order=True),
        column(ApprovalRequest.text, "说明", "Its text"),
        column(ApprovalRequest.owner_id, "申请人编号", "Id of whose request it is", filter=True, group=True),
        computed("ownerName", STRING, name_of("owner_id"), "申请人姓名", "Name of whose request it is"),
        column(ApprovalRequest.unit_id, "机构编号", "Id of the unit", filter=True, group=True),
        column(ApprovalRequest.client_id, "客户编号", "Id of the client", filter=True),
        column(ApprovalRequest.from_on, "开始日期", "First day", filter=True, order=True),
        column(ApprovalRequest.until_on, "结束日期（含）", "Last day", filter=True, order=True),
        column(ApprovalRequest.amount, "数量", "How much", filter=True, order=True, aggregate=True),
        column(ApprovalRequest.status, "状态", "Its state", kind=REQUEST_STATUS, filter=True, group=True),
        column(ApprovalRequest.created_at, "创建时间", "When it was made", filter=True, order=True),
        column(
            ApprovalRequest.version, "版本，修改时用于检查冲突", "Counts its changes; a change names the one it saw"
        ),
        one("owner", "Person", ApprovalRequest.owner_id, "申请人", "Whose request it is"),
        one("unit", "OrgUnit", ApprovalRequest.unit_id, "机构", "The unit"),
        one("client", "Client", ApprovalRequest.client_id, "客户", "The client"),
        many("approvals", "Approval", "subject_id", "审批", "Its approvals", filter=True),
    ),
)

CATALOGUE = Catalogue(
    entities=(DEFINITION, APPROVAL_ENTITY, ENTRY, SEAT, ABSENCE, REQUEST),
    roots=(
        ListRoot("approvals", "Approval", Bilingual("可见的审批", "The approvals that the caller may see")),
        OneRoot("approval", "Approval", Bilingual("一次审批", "One approval")),
        ListRoot(
            "approvalSeats",
            "ApprovalSeat",
            Bilingual(
                "等待审批的人；按本人筛选即为我的待办",
                "Who may decide on what; those of oneself are what waits for one",
            ),
        ),
        ListRoot(
            "approvalDefinitions",
            "ApprovalDefinition",
            Bilingual("本公司设定的审批流程", "The tenant's own definitions, with all their versions"),
        ),
        OneRoot("approvalDefinition", "ApprovalDefinition", Bilingual("审批流程的一个版本", "One version of one")),
        ListRoot("approvalAbsences", "ApprovalAbsence", Bilingual("可见的审批代办", "The substitutions within reach")),
        ListRoot("approvalRequests", "ApprovalRequest", Bilingual("可见的申请", "The requests within reach")),
        OneRoot("approvalRequest", "ApprovalRequest", Bilingual("一份申请", "One request")),
    ),
)
