"""What the parameters of commands mean, for descriptions, and the names that the API gives some of them."""

from __future__ import annotations

from collections.abc import Mapping

from steward_tenants.texts import Bilingual

SHOWN: Mapping[str, str] = {
    "expected_version": "version",
    "user_id": "person_id",
    "subject_user_id": "person_id",
    "full_key": "form",
    "use_id": "client_product_id",
}
"""Names under which the API offers parameters, in snake_case."""


def _t(zh: str, en: str) -> Bilingual:
    return Bilingual(zh, en)


TEXTS: Mapping[str, Bilingual] = {
    "absorbed_id": _t("被并入的客户", "The client that is absorbed"),
    "accept": _t("现有值不符合新规则时仍接受", "Take it although existing values do not fit the new rules"),
    "accept_duplicates": _t("已确认不是重复客户", "Enter it although similar clients were found"),
    "access_id": _t("支持访问", "The support access"),
    "add_arrears": _t("合并后相同期间的欠费相加", "Add up arrears of the same period and source"),
    "amount": _t("金额（分）", "Amount in fen"),
    "arrears_id": _t("欠费", "The arrears"),
    "assignment_id": _t("角色授予", "The assignment of the role"),
    "at_most": _t("最多处理多少个", "At most so many"),
    "attachment_id": _t("附件", "The attachment"),
    "batch_id": _t("批次", "The batch"),
    "body": _t("内容", "Its text"),
    "booked_on": _t("入账日，默认期末", "Booking day; the period's last when left out"),
    "changes": _t("要改变的定义", "What changes of its definition"),
    "claimed": _t("主张的指标值：{名称: 值}", "Inputs as the objector claims them: {name: value}"),
    "client_id": _t("客户", "The client"),
    "client_ids": _t("客户", "The clients"),
    "code": _t("编码", "Code"),
    "columns": _t("列映射：{标题: 字段或空值}", "Columns: {heading: field or null}"),
    "contact_id": _t("联系人", "The contact"),
    "contract_id": _t("合同", "The contract"),
    "correct": _t(
        "与已有值不同时是否更正（须给原因）", "Correct facts that are on record with another value; needs a reason"
    ),
    "corrections": _t("更正后的指标值：{名称: 值}", "Corrected inputs: {name: value}"),
    "custom": _t("自定义字段：{字段标识: 值}", "The tenant's own fields: {key: value}"),
    "deputy_id": _t("B 角；空值取消", "The second manager; null takes it away"),
    "digest": _t("文档文本的 SHA-256（64 位十六进制数）", "SHA-256 of the document's text, 64 hexadecimal digits"),
    "document": _t("配置文件的内容", "The configuration as JSON"),
    "duty": _t("职责类别", "Duty of the role"),
    "effective_on": _t("生效日期", "Day on which it takes effect"),
    "expected_version": _t(
        "读到的版本；已被他人修改则拒绝", "The version that was read; refused if somebody changed it since"
    ),
    "fault_id": _t("插件故障", "The fault"),
    "field_id": _t("自定义字段", "The custom field"),
    "fields": _t("字段", "The fields"),
    "file_id": _t("文件", "The file"),
    "full_key": _t("表单标识，如 <插件>.<表单>", "Key of the form: <plugin>.<form>"),
    "grading_id": _t("评级", "The grading"),
    "hand_over_id": _t("移交", "The hand-over"),
    "key": _t("标识", "Key"),
    "keys": _t("全部在用字段的标识，按新顺序", "Keys of all fields in use, in their new order"),
    "kind": _t("类型", "Kind"),
    "locale": _t("语言", "Language"),
    "metric": _t("指标标识", "Key of the metric"),
    "move": _t("流转名称，如 submit、approve、withdraw", "Name of the move, such as submit, approve, withdraw"),
    "name": _t("名称", "Name"),
    "note_id": _t("备注", "The note"),
    "objection_id": _t("异议", "The objection"),
    "on": _t("日期，默认今天", "The day; today when left out"),
    "options": _t("导入选项", "Options of the import"),
    "owner_id": _t("客户经理", "The owner"),
    "pair_id": _t("疑似重复的一对客户", "The pair of clients"),
    "parameters": _t("任务参数", "Parameters of the run"),
    "parent_id": _t("上级；空值为无上级", "What it stands under; null for none"),
    "period": _t("期间", "The period"),
    "permissions": _t("权限标识", "Keys of permissions"),
    "pinned": _t("是否置顶", "Whether it is pinned"),
    "plan": _t("对接应用", "What it shall be"),
    "product_id": _t("产品", "The product"),
    "rank": _t("次序，1 最高", "Rank; 1 is the most valuable"),
    "reason": _t("原因（留痕）", "Why; it goes on record"),
    "record_id": _t("要修改的记录；不填为新记录", "The record to change; a new one when left out"),
    "request_id": _t("个人信息请求", "The personal-data request"),
    "reset": _t("恢复默认值的设置", "Settings that go back to their defaults"),
    "retired": _t("是否停用", "Whether it is retired"),
    "role_id": _t("角色", "The role"),
    "rows": _t("数据行", "The rows"),
    "run_id": _t("任务", "The run"),
    "scheme_key": _t("评级方案标识", "Key of the grading scheme"),
    "scope": _t("数据范围", "Which rows the role reaches"),
    "sections": _t("只应用这些部分", "These sections only"),
    "selection": _t("移交哪些客户", "Which clients"),
    "session_id": _t("登录会话", "The sign-in session"),
    "session_ids": _t("登录会话；不填为全部", "These sessions; all when left out"),
    "settings": _t("插件设置：{名称: 值}", "Settings of the plugin: {name: value}"),
    "skip_bad": _t("跳过有误的行", "Leave refused rows out"),
    "source": _t("来源", "Source"),
    "state": _t("保存后的状态，默认计入业务的状态", "State that it takes; by default the one that counts"),
    "status": _t("状态", "Status"),
    "subject": _t("任务对象", "What it is about"),
    "subject_id": _t("对象", "What it is about"),
    "subject_kind": _t("附件所属对象的类型", "What it hangs on"),
    "subject_user_id": _t("本人", "The person whose data it is"),
    "survivor_id": _t("保留的客户", "The client that stays"),
    "take": _t(
        "取自被并入客户的字段，自定义字段写作 custom.<标识>",
        "Fields taken from the absorbed client; own ones as custom.<key>",
    ),
    "target": _t(
        "对象：client、contact、form:<插件>.<表单> 等", "What it is for: client, contact, form:<plugin>.<form>, …"
    ),
    "text": _t("文档全文", "The whole document"),
    "tier": _t("客户等级标识；空值为无等级", "Key of the tier; null for none"),
    "title": _t("标题", "Title"),
    "title_en": _t("英文名", "English title"),
    "title_zh": _t("中文名", "Chinese title"),
    "to_owner_id": _t("新客户经理；空值为公海", "The new owner; null for the public pool"),
    "to_unit": _t("移交后所属机构", "Into which unit they go"),
    "unit_id": _t("机构", "The unit"),
    "upheld": _t("异议是否成立", "Whether the objection is upheld"),
    "use_id": _t("在用产品", "The product in use"),
    "user_id": _t("人员", "The person"),
    "valid_from": _t("生效日期，默认今天", "First day; today when left out"),
    "valid_until": _t("失效日期（不含）；不填为长期", "Day from which it no longer holds; for good when left out"),
    "value": _t("值", "The value"),
    "values": _t("内容", "Its values"),
    "version": _t("读到的版本；已被他人修改则拒绝", "The version that was read; refused if somebody changed it since"),
    "which": _t("哪部分档案", "Which part of the profile"),
}
