"""Permissions of the account-manager core, and the built-in roles that hold them."""

from __future__ import annotations

from steward_tenants.access.models import Duty
from steward_tenants.access.permissions import catalogue
from steward_tenants.access.templates import extend_template

_declare = catalogue.declare

CLIENTS_VIEW = _declare("clients.view", "查看客户", "See clients", changes=False)
CLIENTS_EDIT = _declare("clients.edit", "维护客户资料", "Maintain clients")
CLIENTS_CLAIM = _declare("clients.claim", "从公海领取客户", "Claim clients from the public pool")
CLIENTS_ASSIGN = _declare("clients.assign", "分配与移交客户", "Assign and hand over clients")
CLIENTS_TIER = _declare("clients.tier", "调整客户等级", "Change clients' tiers")
CLIENTS_MERGE = _declare("clients.merge", "合并重复客户", "Merge duplicate clients")
CLIENTS_EXPORT = _declare("clients.export", "导出客户", "Export clients", changes=False)
RECORDS_IMPORT = _declare("records.import", "导入数据", "Import data")
FACTS_VIEW = _declare("facts.view", "查看客户数据指标", "See client facts", changes=False)
FACTS_RECORD = _declare("facts.record", "写入客户数据指标", "Record client facts")
FORMS_VIEW = _declare("forms.view", "查看业务表单", "See form records", changes=False)
FORMS_EDIT = _declare("forms.edit", "填写业务表单", "Fill in forms")
GRADINGS_VIEW = _declare("gradings.view", "查看客户评级", "See gradings", changes=False)
GRADINGS_RUN = _declare("gradings.run", "运行客户评级", "Run gradings")
GRADINGS_BIND = _declare("gradings.bind", "确认评级生效", "Bind gradings")
GRADINGS_OBJECT = _declare("gradings.object", "提出评级异议", "Object to a grading")
GRADINGS_DECIDE = _declare("gradings.decide", "裁定评级异议", "Decide on objections to gradings")

POLICIES_MANAGE = _declare(
    "policies.manage", "管理客户分级与策略", "Manage tiers, kinds and policies", duty=Duty.TENANT_ADMIN
)
CUSTOM_FIELDS_MANAGE = _declare(
    "custom_fields.manage", "管理自定义字段", "Manage custom fields", duty=Duty.TENANT_ADMIN
)
SCHEDULES_VIEW = _declare("schedules.view", "查看计划任务", "See schedules", changes=False)
SCHEDULES_MANAGE = _declare("schedules.manage", "管理计划任务", "Manage schedules", duty=Duty.TENANT_ADMIN)
WEBHOOKS_MANAGE = _declare("webhooks.manage", "管理 Webhook", "Manage webhooks", duty=Duty.TENANT_ADMIN)

APPROVALS_VIEW = _declare("approvals.view", "查看审批", "See approvals", changes=False)
APPROVALS_MANAGE = _declare(
    "approvals.manage", "管理审批流程", "Manage approval definitions and replace approvers", duty=Duty.TENANT_ADMIN
)
PLANS_VIEW = _declare("plans.view", "查看服务计划", "See service plans", changes=False)
PLANS_EDIT = _declare("plans.edit", "编制与执行服务计划", "Edit and carry out service plans")
PLANS_APPROVE = _declare("plans.approve", "审批服务计划", "Approve service plans")
VISITS_VIEW = _declare("visits.view", "查看走访", "See visits", changes=False)
VISITS_EDIT = _declare("visits.edit", "登记走访", "Record visits")
REQUESTS_VIEW = _declare("requests.view", "查看服务请求与承诺", "See service requests and promises", changes=False)
REQUESTS_EDIT = _declare("requests.edit", "办理服务请求", "Handle service requests")
OPPORTUNITIES_VIEW = _declare("opportunities.view", "查看商机", "See opportunities", changes=False)
OPPORTUNITIES_EDIT = _declare("opportunities.edit", "维护商机", "Maintain opportunities")
REPORTS_VIEW = _declare("reports.view", "查看工作报告", "See work reports", changes=False)
REPORTS_EDIT = _declare("reports.edit", "填写工作报告", "Write work reports")
REPORTS_COMMENT = _declare("reports.comment", "批阅工作报告", "Comment on work reports")
SCORES_VIEW = _declare("scores.view", "查看考核得分", "See scores", changes=False)
SCORES_RUN = _declare("scores.run", "计算考核得分", "Work out scores")
STATEMENTS_VIEW = _declare("statements.view", "查看薪酬单", "See pay statements", changes=False)
STATEMENTS_RUN = _declare("statements.run", "运行薪酬方案", "Run pay schemes")
STATEMENTS_APPROVE = _declare("statements.approve", "审批与导出薪酬单", "Approve and export statements")
MONTHS_RUN = _declare("months.run", "开启与关闭月份", "Open and close months")

_SEES = (CLIENTS_VIEW, FACTS_VIEW, FORMS_VIEW, GRADINGS_VIEW)
_MONTH_SEEN = (
    APPROVALS_VIEW,
    PLANS_VIEW,
    VISITS_VIEW,
    REQUESTS_VIEW,
    OPPORTUNITIES_VIEW,
    REPORTS_VIEW,
    SCORES_VIEW,
)
_MONTH_DONE = (PLANS_EDIT, VISITS_EDIT, REQUESTS_EDIT, OPPORTUNITIES_EDIT, REPORTS_EDIT, STATEMENTS_VIEW)

extend_template(
    "tenant_admin",
    *_SEES,
    CLIENTS_EXPORT,
    RECORDS_IMPORT,
    POLICIES_MANAGE,
    CUSTOM_FIELDS_MANAGE,
    WEBHOOKS_MANAGE,
    SCHEDULES_VIEW,
    SCHEDULES_MANAGE,
    *_MONTH_SEEN,
    APPROVALS_MANAGE,
)
extend_template(
    "supervisor",
    *_SEES,
    CLIENTS_EDIT,
    CLIENTS_CLAIM,
    CLIENTS_ASSIGN,
    CLIENTS_TIER,
    CLIENTS_MERGE,
    CLIENTS_EXPORT,
    RECORDS_IMPORT,
    FACTS_RECORD,
    FORMS_EDIT,
    GRADINGS_RUN,
    GRADINGS_BIND,
    GRADINGS_OBJECT,
    GRADINGS_DECIDE,
    *_MONTH_SEEN,
    *_MONTH_DONE,
    PLANS_APPROVE,
    REPORTS_COMMENT,
    SCORES_RUN,
    MONTHS_RUN,
)
extend_template(
    "account_manager",
    *_SEES,
    CLIENTS_EDIT,
    CLIENTS_CLAIM,
    CLIENTS_EXPORT,
    FORMS_EDIT,
    GRADINGS_OBJECT,
    *_MONTH_SEEN,
    *_MONTH_DONE,
)
extend_template(
    "payroll_officer",
    CLIENTS_VIEW,
    FACTS_VIEW,
    GRADINGS_VIEW,
    APPROVALS_VIEW,
    SCORES_VIEW,
    STATEMENTS_VIEW,
    STATEMENTS_RUN,
    STATEMENTS_APPROVE,
)
extend_template("reviewer", *_SEES, *_MONTH_SEEN)
extend_template("support", *_SEES, *_MONTH_SEEN)
