"""Errors of approvals. Each is a refusal that changed nothing."""

from __future__ import annotations

from steward_tenants.errors import Conflict, InvalidInput, NotFound, StewardError
from steward_tenants.texts import Bilingual


class DefinitionRefused(InvalidInput):
    """The definition does not hold together; `problems` name each step and field."""

    code = "approval_definition_refused"
    message = Bilingual("审批流程有误，未保存任何更改。", "The approval definition was refused; nothing was changed.")
    remedy = Bilingual("请按提示修改各步骤后重试。", "Correct the steps named and save it again.")


class DefinitionNotFound(NotFound):
    """No definition is for this subject with these values."""

    code = "approval_definition_not_found"
    message = Bilingual("没有适用于“{subject}”的审批流程。", "No approval is defined for {subject} with these values.")
    remedy = Bilingual(
        "请管理员设定适用的流程，例如一个无条件的流程。",
        "Ask an administrator to define one, such as one without a condition.",
    )


class ValueMissing(StewardError):
    """A condition asks for a value that the subject does not have."""

    code = "approval_value_missing"
    status = 422
    message = Bilingual("缺少字段“{field}”，无法判断审批条件。", "{field} is missing: a condition asks for it.")
    remedy = Bilingual("请补填该字段后重新提交。", "Fill it in and submit again.")


class NobodyToApprove(StewardError):
    """A step has nobody who may decide, and its rule for that lets nobody else."""

    code = "approval_nobody"
    status = 409
    message = Bilingual("步骤“{step}”没有可审批的人（本人不能审批自己的事项）。", "Nobody may decide in step “{step}”.")
    remedy = Bilingual("请管理员补齐审批人，或设定空缺时的处理方式。", "Ask an administrator to appoint somebody.")


class TooFewApprovers(StewardError):
    """A step needs more yes than there are people who may give one."""

    code = "approval_too_few"
    status = 409
    message = Bilingual(
        "步骤“{step}”需要 {need} 人同意，但只有 {have} 人可审批。",
        "Step “{step}” needs {need} people to agree and has {have}.",
    )
    remedy = Bilingual("请管理员补充审批人，或调低所需人数。", "Ask an administrator to add people or to need fewer.")


class NothingToApprove(StewardError):
    """No step is left in which anybody would say yes."""

    code = "approval_without_steps"
    status = 409
    message = Bilingual("没有任何适用的审批步骤，不能视为同意。", "No step is left: nobody would have agreed.")
    remedy = Bilingual("请管理员检查流程的条件和审批人。", "Ask an administrator to check its conditions and people.")


class ApprovalOver(Conflict):
    """It has ended; nothing can be done any more."""

    code = "approval_over"
    message = Bilingual("该审批已结束（{status}）。", "This approval has ended: {status}.")
    remedy = Bilingual("如需更改，请发起新的审批。", "Start a new approval if something is to change.")


class NotRunning(Conflict):
    """It lies with the requester; nobody is asked at present."""

    code = "approval_not_running"
    message = Bilingual("该事项在申请人处（{status}），无需审批。", "It lies with the requester: {status}.")
    remedy = Bilingual("请等待申请人重新提交。", "Wait until it is submitted again.")


class NotWithRequester(Conflict):
    """Only what was sent back or withdrawn can be submitted again."""

    code = "approval_not_returned"
    message = Bilingual("该审批正在进行，不能重新提交。", "This approval is under way and cannot be submitted again.")
    remedy = Bilingual("请先撤回，再修改后重新提交。", "Withdraw it first, change it, and submit it again.")


class TurnOver(Conflict):
    """The step that the person saw is no longer open: somebody decided it meanwhile, or it was sent back."""

    code = "approval_turn_over"
    message = Bilingual("该步骤已由他人处理，您的操作未生效。", "This step was decided meanwhile; nothing was changed.")
    remedy = Bilingual("请刷新查看当前步骤。", "Reload it and look at the step that is open.")


class NotYourTurn(StewardError):
    """The person is not asked at present."""

    code = "approval_not_your_turn"
    status = 403
    message = Bilingual("当前步骤“{step}”不由您审批。", "Step “{step}” does not wait for you.")
    remedy = Bilingual("请查看当前等待的审批人。", "See whom it waits for.")


class OwnMatter(StewardError):
    """Nobody decides, or is made to decide, on a matter of their own."""

    code = "approval_own_matter"
    status = 403
    message = Bilingual("不能审批本人的事项。", "Nobody may decide on a matter of their own.")
    remedy = Bilingual("请由其他审批人处理。", "Leave it to somebody else.")


class AlreadyDecided(Conflict):
    """One person has one voice in a step."""

    code = "approval_already_decided"
    message = Bilingual("您已在此步骤表态，每人一票。", "You have decided in this step; everyone has one voice.")
    remedy = Bilingual("无需重复操作。", "There is nothing more to do.")


class AlreadyInStep(Conflict):
    """The person takes part in this step already."""

    code = "approval_already_in_step"
    message = Bilingual("此人已是该步骤的审批人。", "That person takes part in this step already.")
    remedy = Bilingual("请选择其他人。", "Choose somebody else.")


class OnlyTheApprover(StewardError):
    """Who stands in for somebody decides, and passes nothing on."""

    code = "approval_only_the_approver"
    status = 403
    message = Bilingual("代办人不能加签、委托或转交。", "A stand-in cannot add, delegate or hand over.")
    remedy = Bilingual("请直接表态，或由审批人本人操作。", "Decide, or leave this to the approver.")


class OnlyTheRequester(StewardError):
    """Only who asked may withdraw or submit again."""

    code = "approval_only_the_requester"
    status = 403
    message = Bilingual("只有申请人可以执行此操作。", "Only the requester may do this.")
    remedy = Bilingual("请联系申请人。", "Ask the requester.")


class OnlyAdministrators(StewardError):
    """Only the product itself or an approval administrator does this."""

    code = "approval_only_administrators"
    status = 403
    message = Bilingual("只有系统或审批管理员可以执行此操作。", "Only the system or an administrator may do this.")
    remedy = Bilingual("请联系管理员。", "Ask an administrator.")


class ReasonMissing(InvalidInput):
    """A no is given with its reason."""

    code = "approval_reason_missing"
    message = Bilingual("请填写理由。", "Give a reason.")
    remedy = Bilingual("拒绝和退回须说明理由。", "Rejecting and sending back need one.")


class PersonMissing(InvalidInput):
    """The command names nobody."""

    code = "approval_person_missing"
    message = Bilingual("请选择人员。", "Name a person.")
    remedy = Bilingual("请选择加签、委托、转交或替换的对象。", "Choose whom it is for.")


class CannotSendBack(InvalidInput):
    """Only earlier steps that somebody decided can be sent back to."""

    code = "approval_cannot_send_back"
    message = Bilingual("不能退回到步骤“{step}”。", "It cannot be sent back to step “{step}”.")
    remedy = Bilingual("请选择之前经过的步骤或申请人。", "Choose an earlier step that took place, or the requester.")


class NotDue(Conflict):
    """The time for this reminder or end has not come, or the step has none."""

    code = "approval_not_due"
    message = Bilingual("尚未到提醒或到期的时间。", "No reminder or end is due.")
    remedy = Bilingual("请在到期后重试。", "Try again once it is due.")


class ApprovalNotFound(NotFound):
    """There is no such approval, or the actor may not know of it."""

    code = "approval_not_found"
    message = Bilingual("找不到该审批。", "No such approval.")
    remedy = Bilingual("请检查编号，或向管理员确认您的数据范围。", "Check the id, or ask about your data scope.")


class ApprovalUnderWay(Conflict):
    """The subject has a running approval."""

    code = "approval_under_way"
    message = Bilingual("“{title}”正在审批中，不能重复提交。", "“{title}” is being decided already.")
    remedy = Bilingual("请等待审批结束，或先撤回。", "Wait for its end, or withdraw it first.")


class SubmittedElsewhere(Conflict):
    """The subject is submitted again where it was submitted first."""

    code = "approval_submitted_elsewhere"
    message = Bilingual("“{title}”须在原处重新提交。", "“{title}” is submitted again from its own page.")
    remedy = Bilingual("请打开该事项，修改后再次提交。", "Open it, change it, and submit it there.")


class DefinitionUnknown(NotFound):
    """The tenant has no definition with this key in force."""

    code = "approval_definition_unknown"
    message = Bilingual("没有生效的审批流程“{key}”。", "No definition {key} is in force.")
    remedy = Bilingual("请查看已设定的审批流程。", "Look at those that are.")


class AbsenceNotFound(NotFound):
    """There is no such absence, or it is not the actor's to end."""

    code = "approval_absence_not_found"
    message = Bilingual("找不到该代办设定。", "No such absence.")
    remedy = Bilingual("请检查编号。", "Check the id.")


class AbsenceOverlaps(Conflict):
    """The person is away then already."""

    code = "approval_absence_overlaps"
    message = Bilingual("该时段已设定代办人。", "A substitute is named for that time already.")
    remedy = Bilingual("请先结束原有的代办设定。", "End the other absence first.")


class RequestNotFound(NotFound):
    """There is no such request, or it is not the actor's."""

    code = "approval_request_not_found"
    message = Bilingual("找不到该申请。", "No such request.")
    remedy = Bilingual("请检查编号，或向管理员确认您的数据范围。", "Check the id, or ask about your data scope.")


class RequestNotOpen(Conflict):
    """It is being decided, or has been: it cannot be changed."""

    code = "approval_request_not_open"
    message = Bilingual("该申请{status}，不能修改或提交。", "This request is {status} and cannot be changed.")
    remedy = Bilingual(
        "审批中的申请请先撤回；已结束的请新建申请。", "Withdraw it first; make a new one if it has ended."
    )


class RequestChanged(Conflict):
    """Somebody changed the request since it was read."""

    code = "approval_request_changed"


class NotYourSubject(StewardError):
    """Who would be asked is shown to the subject's owner and to administrators."""

    code = "approval_not_your_subject"
    status = 403
    message = Bilingual(
        "只有事项负责人和审批管理员可以预览审批人。", "Only its owner and administrators see who would be asked."
    )
    remedy = Bilingual("请联系事项负责人。", "Ask its owner.")


class SubjectUnknown(NotFound):
    """Nobody declares this kind of subject."""

    code = "approval_subject_unknown"
    message = Bilingual("没有“{subject}”这类审批事项。", "There is no kind of subject “{subject}” to approve.")
    remedy = Bilingual("请使用产品列出的审批事项。", "Use one of those that the product lists.")


class NotStarted(Conflict):
    """A trail begins with its start, and has only one."""

    code = "approval_not_started"
    message = Bilingual("审批须从发起开始，且只能发起一次。", "An approval begins with its start, and only once.")
    remedy = Bilingual("请先发起审批。", "Start it first.")


class EntryReused(Conflict):
    """The same key came with another command."""

    code = "approval_key_reused"
    message = Bilingual("该请求编号已用于另一操作。", "This key was used for another command.")
    remedy = Bilingual("请使用新的请求编号。", "Use a new key.")


class TrailBroken(StewardError):
    """A stored trail has an entry that its rules do not allow: it was altered, or the definition is another."""

    code = "approval_trail_broken"
    status = 500
    message = Bilingual("审批记录第 {number} 条不成立。", "Entry {number} of the approval's trail does not hold.")
    remedy = Bilingual("请联系管理员核查审计记录。", "Ask an administrator to look into the audit trail.")
