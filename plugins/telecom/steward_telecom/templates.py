"""Ready-made documents: checklists, processes, ladders and schemes of telecom companies, as data.

Money in fen.
"""

from __future__ import annotations

from steward_core.incentives.templates import TEAM_COMMISSION
from steward_core.industry.declarations import Template
from steward_tenants.texts import Bilingual


def _both(zh: str, en: str) -> dict[str, str]:
    return {"zh": zh, "en": en}


VISIT_CHECKLIST = Template(
    "checklist",
    "key_account_visit",
    Bilingual("集团客户走访清单", "Key-account visit checklist"),
    {
        "before": [
            _both("明确走访目的，查看上次交谈记录", "Settle the aim, look up the last conversations"),
            _both("调取产品、账单、合同和欠费", "Pull up products, bills, contracts and arrears"),
            _both("了解客户行业动态", "Read up on the client's trade"),
            _both("准备资料，预约时间，规划路线", "Bring material, confirm the time, plan the route"),
        ],
        "during": [
            _both("签到：时间、地点、照片", "Check in: time, place, photo"),
            _both("从四个领域了解需求", "Find needs in the four areas"),
            _both("记录诉求、投诉和竞争迹象", "Note wishes, complaints and signs of competitors"),
            _both("填写相应的行业表单", "Fill in the forms that apply"),
        ],
        "after": [
            _both("致谢并按时送达方案", "Thank, and send the proposal in time"),
            _both("填写小结、下一步和期限", "Write the summary, the next step and its day"),
            _both("给出客户意向等级和改进记录", "Grade the client's intention, note what to improve"),
        ],
    },
)
ORDER_PROCESS = Template(
    "process",
    "contract_flow",
    Bilingual("合同流转", "Contract flow"),
    {
        "days_in_all": 7,
        "steps": [
            {
                "key": "documents",
                "title": _both("资料齐全", "Papers complete"),
                "papers": {"contract": 4, "ip_request": 2, "commitment_letter": 2, "licence_copy": 1, "payer_slip": 1},
            },
            {"key": "seal", "title": _both("用印", "Seal")},
            {"key": "engineering", "title": _both("工程", "Engineering")},
            {"key": "installation", "title": _both("装机", "Installation"), "days": {"resource": 3, "none": 7}},
            {"key": "first_visit", "title": _both("完工一周后首访", "First visit one week after"), "days": 7},
        ],
        "over_days_warned": 3,
    },
)
CONTRACT_PAPERS = Template(
    "contract_papers",
    "contract",
    Bilingual("专线签约资料", "Papers of a contract for a line"),
    {
        "papers": [
            {"key": "contract", "title": _both("合同", "Contract"), "copies": 4, "seam_seal": True},
            {"key": "ip_request", "title": _both("IP 地址申请表", "IP address request"), "copies": 2},
            {"key": "commitment_letter", "title": _both("入网承诺书", "Network commitment letter"), "copies": 2},
            {"key": "licence_copy", "title": _both("营业执照复印件", "Copy of the licence")},
            {"key": "payer_slip", "title": _both("付款方凭单", "The payer's slip")},
        ]
    },
)
GREEN_CHANNEL = Template(
    "process",
    "green_channel",
    Bilingual("绿色通道", "Green channel"),
    {
        "priority": True,
        "lanes": [
            {"key": "business", "title": _both("业务受理", "Business")},
            {"key": "project", "title": _both("工程建设", "Project")},
            {"key": "fault", "title": _both("故障处理", "Fault")},
        ],
    },
)
ONE_STOP_SERVICE = Template(
    "service_request",
    "one_stop_service",
    Bilingual("一站通服务", "One-stop service"),
    {
        "each_leg_has_its_own_clock": True,
        "legs": [
            {"key": "consultation", "title": _both("咨询", "Consultation")},
            {"key": "ordering", "title": _both("受理", "Ordering")},
            {"key": "fault", "title": _both("故障申告", "Fault")},
            {"key": "billing", "title": _both("账务", "Billing")},
            {"key": "support", "title": _both("技术支持", "Technical support")},
        ],
    },
)
FAULT_PROCESS = Template(
    "process",
    "fault_report",
    Bilingual("故障处理", "Fault"),
    {
        "steps": ["reported", "engineering_contacted", "arrived", "restored", "confirmed_with_client"],
        "line_kinds": {
            "dial_up": _both("拨号", "Dial-up"),
            "dedicated": _both("专线", "Dedicated"),
        },
        "engineering_minutes": 10,
        "response_minutes": 30,
        "solve_minutes": {"default": 120, "internet_cafe": 240},
    },
)
CHANNELS = Template(
    "ladder",
    "three_channels",
    Bilingual("三通道职业发展", "Three channels"),
    {
        "channels": [
            {"key": "management", "title": _both("管理", "Management")},
            {"key": "professional", "title": _both("专业专家", "Professional expert")},
            {"key": "skilled", "title": _both("技能", "Skilled")},
        ],
        "parallel_rungs": True,
        "rotation": True,
    },
)
SALES_LADDER = Template(
    "ladder",
    "sales_by_results",
    Bilingual("销售以业绩定职级", "Sales by results alone"),
    {
        "rungs": [
            {"key": "sales", "title": _both("销售", "Sales")},
            {"key": "team_lead", "title": _both("团队主管", "Team lead")},
        ],
        "proposals_only": True,
        "streaks": [
            {"rung": "sales", "months": 3, "target": 2_000_000, "met": True, "proposes": "team_lead"},
            {"rung": "team_lead", "months": 3, "target": 15_000_000, "met": False, "proposes": "sales"},
            {"rung": "sales", "months": 3, "target": 2_000_000, "met": False, "proposes": "leave"},
        ],
    },
)
TEAM_SCHEME = Template("scheme", "enterprise_sales_team", TEAM_COMMISSION.title, TEAM_COMMISSION.content)
KEY_ACCOUNT_SCHEME = Template(
    "scheme",
    "key_account_bonus",
    Bilingual("大客户经理奖金", "Key-account bonus"),
    {
        "parts": ["traditional_services_by_flow", "new_services_by_bonus_table"],
        "usual_ranges": [
            {"key": "unfit", "title": _both("不称职", "Unfit"), "from": 60_000, "to": 70_000},
            {"key": "ordinary", "title": _both("一般", "Ordinary"), "from": 200_000, "to": 300_000},
            {"key": "excellent", "title": _both("优秀", "Excellent"), "from": 500_000, "to": 800_000},
            {"key": "outstanding", "title": _both("突出", "Outstanding"), "from": 1_000_000, "to": None},
        ],
        "clawback_on_lost_client": True,
    },
)
TEMPLATES = (
    VISIT_CHECKLIST,
    ORDER_PROCESS,
    CONTRACT_PAPERS,
    GREEN_CHANNEL,
    ONE_STOP_SERVICE,
    FAULT_PROCESS,
    CHANNELS,
    SALES_LADDER,
    TEAM_SCHEME,
    KEY_ACCOUNT_SCHEME,
)
