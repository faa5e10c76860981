"""Errors of form records."""

from __future__ import annotations

from steward_tenants.errors import Conflict, NotFound, StewardError
from steward_tenants.texts import Bilingual


class _Speaking(StewardError):
    """An error whose values may be texts in both languages: each message takes its own."""

    @property
    def text(self) -> Bilingual:
        """The message with its places filled."""
        return self._filled(self.message)

    @property
    def advice(self) -> Bilingual:
        """The remedy with its places filled."""
        return self._filled(self.remedy)

    def _filled(self, text: Bilingual) -> Bilingual:
        zh = {name: value.zh if isinstance(value, Bilingual) else value for name, value in self.values.items()}
        en = {name: value.en if isinstance(value, Bilingual) else value for name, value in self.values.items()}
        return Bilingual(text.zh.format(**zh), text.en.format(**en))


class RecordNotFound(NotFound):
    """No such record, or outside the actor's scope."""

    code = "form_record_not_found"
    message = Bilingual("找不到该表单记录。", "No such form record.")


class SubjectNotFound(_Speaking, NotFound):
    """What the record is to be about does not exist, or is outside the actor's scope."""

    code = "form_subject_not_found"
    message = Bilingual("找不到该记录所属的{kind}。", "There is no such {kind} for the record.")


class SubjectMerged(Conflict):
    """The client was merged into another: records are kept there."""

    code = "form_subject_merged"
    message = Bilingual("客户“{name}”已合并到其他客户。", "The client “{name}” was merged into another.")
    remedy = Bilingual("请在合并后的客户上填写。", "Fill the form in for the client it was merged into.")


class RecordChanged(Conflict):
    """The record was changed since the caller read it."""

    code = "form_record_changed"
    message = Bilingual(
        "该表单记录已被他人修改（当前版本 {version}）。",
        "The record was changed by someone else (now version {version}).",
    )


class SlotTaken(_Speaking, Conflict):
    """The subject has its one record for this slot already; `id` is that record's."""

    code = "form_slot_taken"
    message = Bilingual(
        "“{title}”在此处已有记录（{slot}，编号 {id}），不能重复新建。",
        "There is a record of “{title}” here already ({slot}, id {id}).",
    )
    remedy = Bilingual("请打开并修改已有的记录。", "Open that record and change it.")


class RecordNotEditable(_Speaking, Conflict):
    """In its state the record's fields cannot be changed."""

    code = "form_record_not_editable"
    message = Bilingual("记录处于“{state}”状态，不能修改。", "The record is “{state}” and cannot be changed.")
    remedy = Bilingual("请先按流程撤销或驳回。", "Take it back or have it rejected first.")


class NotADraft(_Speaking, Conflict):
    """The record is no draft: what it holds must be complete, and it cannot be thrown away."""

    code = "form_not_a_draft"
    message = Bilingual("记录处于“{state}”状态，不是草稿。", "The record is “{state}”, not a draft.")
    remedy = Bilingual("请完整填写后保存，或按流程撤销。", "Save it complete, or withdraw it.")


class MoveRefused(_Speaking, Conflict):
    """From its state the record cannot go that way; `possible` names the ways that there are."""

    code = "form_move_refused"
    message = Bilingual(
        "记录处于“{state}”状态，不能执行“{move}”。", "The record is “{state}”: “{move}” is not possible."
    )
    remedy = Bilingual("当前可执行：{possible}。", "Possible now: {possible}.")


class DecidedByAnother(StewardError):
    """Whoever filled a record in does not decide on it."""

    code = "form_decided_by_another"
    status = 403
    message = Bilingual("填写人不能审批自己的记录。", "Whoever filled a record in cannot decide on it.")
    remedy = Bilingual("请由其他有权限的人员审批。", "Have somebody else decide.")


class NotForPeople(_Speaking):
    """The platform makes these records (a grading does); people do not fill them in."""

    code = "form_not_for_people"
    status = 403
    message = Bilingual("“{title}”由系统生成，不能手工填写。", "“{title}” is made by the platform, not filled in.")
    remedy = Bilingual("请通过相应的业务功能产生该记录。", "Use the function that makes these records.")


class FieldNotFilterable(StewardError):
    """Records can be filtered and sorted by declared fields only; `known` names them."""

    code = "form_field_not_filterable"
    status = 422
    message = Bilingual("字段 {field} 不支持筛选和排序。", "Records cannot be filtered or sorted by {field}.")
    remedy = Bilingual("可用字段：{known}。", "These can be used: {known}.")


class UpgradeMissing(StewardError):
    """The form does not say how its records of a version become the next version's."""

    code = "form_upgrade_missing"
    status = 409
    message = Bilingual(
        "表单 {form} 缺少从版本 {version} 升级的步骤。", "{form} has no step that upgrades version {version}."
    )
    remedy = Bilingual("请更新该插件。", "Update the plugin.")
