"""Invented data for the demo company: clients and all that hangs on them, with a few that make each trigger fire.

The same day, units and managers give the same rows. Money in yuan, as files have it; in nested rows in fen, as the
forms have it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

from steward_core.industry.declarations import DemoData, DemoWorld
from steward_telecom import keys
from steward_telecom.choices import EquipmentState, Festival, LineKind, NeedArea, RenewalState, Strength
from steward_telecom.demo_companies import Company, companies

SEED = 20_260_102
MONTHS = 9
FAMILY = "赵钱孙李周吴郑王冯陈蒋沈韩杨朱秦许何吕张孔曹严华金魏陶姜"
GIVEN = ("建国", "秀英", "志强", "丽华", "伟", "芳", "永康", "海燕", "文斌", "国平", "立新", "晓东", "雪梅", "俊杰")
PRODUCTS = (
    ("DL", "互联网专线", "专线", "条"),
    ("VPN", "虚拟网群", "语音", "群"),
    ("BB", "企业宽带", "宽带", "条"),
    ("IDC", "机柜托管", "数据中心", "柜"),
    ("SMS", "企业短信", "增值业务", "端口"),
    ("PBX", "云总机", "语音", "席"),
)
PACKAGES = ("集团畅聊 39 套餐", "集团畅聊 69 套餐", "商务无忧 99 套餐")
RIVALS = ("远通通信", "联讯网络")
ENDS_AHEAD = (5, 25, 30, 50, 60, 80, 90)
"""Days until the first agreements, contracts and competitors' contracts end."""
Row = Mapping[str, Any]


def demo(world: DemoWorld) -> DemoData:
    """About 300 clients by import target, in the order in which they are to be taken in."""
    random = Random(SEED)  # noqa: S311 - invented data, the same each time
    everybody = companies(random, world)
    active = [one for one in everybody if one.status == "active"]
    grouped = [one for one in active if one.kind != "commercial" and one.place % 2 == 0]
    today = world.today
    return {
        "product": [dict(zip(("code", "name", "category", "measure"), one, strict=True)) for one in PRODUCTS],
        "client": [_client(one, today) for one in everybody],
        "contact": [row for one in everybody for row in _contacts(one, random)],
        "contract": [_contract(place, one, today) for place, one in enumerate(active[::2])],
        "client_product": [row for one in active for row in _uses(one, today)],
        "arrears": [_debt(one, today) for one in active[::17]],
        "fact": [row for one in active for row in _facts(one, one in grouped, today, random)],
        f"form:{keys.VPN_GROUP}": [_group(place, one, today) for place, one in enumerate(grouped)],
        f"form:{keys.COMMUNICATION}": [_communication(place, one, today) for place, one in enumerate(active[::3])],
        f"form:{keys.CARE}": [_care(place, one, today) for place, one in enumerate(active[::5])],
        f"form:{keys.NEED}": [_need(one, today) for one in active[::11]],
        f"form:{keys.DISCOUNT}": [_discount(one) for one in active[::40]],
        f"form:{keys.IP_REQUEST}": [_addresses(one) for one in active[::25]],
        f"form:{keys.ORDER}": [_order(place, one, today) for place, one in enumerate(active[::20])],
        f"form:{keys.COMPETITOR}": [_report(place, one, today) for place, one in enumerate(active[::18])],
        f"form:{keys.AREA_COMPETITOR}": [_area(unit, today) for unit in world.units],
        f"form:{keys.EQUIPMENT}": [
            row for place, login in enumerate(world.managers) for row in _equipment(place, login, today)
        ],
    }


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _person(place: int) -> str:
    return FAMILY[place % len(FAMILY)] + GIVEN[place // 3 % len(GIVEN)]


def _client(one: Company, today: date) -> Row:
    prospect = one.status == "prospect"
    return _given(
        code=one.code,
        name=one.name,
        credit_code=one.credit_code,
        kind=one.kind,
        tier=one.tier,
        trade=one.trade,
        status=one.status,
        parent=one.parent,
        unit=one.unit,
        owner=one.owner,
        region=one.region,
        address=one.address,
        phone=f"139{one.place:08}",
        source="片区摸排" if prospect else "BOSS",
        potential_needs="计划统一全员短号并上云总机。" if one.place % 9 == 0 else None,
        competitor_presence=f"部分专线由{RIVALS[one.place % 2]}提供。" if one.place % 7 == 0 else None,
        basic_confirmed_on=None if prospect else today - timedelta(days=one.place * 7 % 45),
        personal_confirmed_on=None if prospect else today - timedelta(days=one.place * 11 % 80),
        last_activity_on=None if prospect else today - timedelta(days=one.place * 13 % 60),
    )


def _contacts(one: Company, random: Random) -> Iterator[Row]:
    yield {
        "client": one.code,
        "name": _person(one.place),
        "roles": "key_person、decision_maker",
        "main": True,
        "position": "信息中心主任" if one.kind == keys.INDUSTRY_CLIENT else "总经理",
        "phone": f"138{one.place:08}",
        "preferences": random.choice(("喜欢羽毛球", "爱喝绿茶", "关注新技术", "习惯上午见面")),
        **(
            {}
            if one.place % 5 == 0
            else {"birthday": date(1965 + one.place % 30, 1 + one.place % 12, 1 + one.place % 28)}
        ),
    }
    if one.staff > 20:
        yield {
            "client": one.code,
            "name": _person(one.place + 7) + "（办公室）",
            "roles": "clerk",
            "position": "办公室文员",
            "phone": f"138{one.place + 50_000:08}",
        }


def _contract(place: int, one: Company, today: date) -> Row:
    ahead = ENDS_AHEAD[place] if place < len(ENDS_AHEAD) else 100 + place * 37 % 600
    start = today + timedelta(days=ahead - 730)
    return {
        "client": one.code,
        "number": f"HT{start:%Y}{one.place:05}",
        "title": "政企综合通信服务合同",
        "kind": "综合通信",
        "status": "active",
        "signed_on": start - timedelta(days=5),
        "start_on": start,
        "end_on": today + timedelta(days=ahead),
        "amount": one.size * 24,
    }


def _uses(one: Company, today: date) -> Iterator[Row]:
    """Two products each; a few end soon, a few are new."""
    started = today - timedelta(days=20 if one.place % 23 == 0 else 200 + one.place * 3 % 500)
    for place, share in ((one.place % len(PRODUCTS), 60), ((one.place + 2) % len(PRODUCTS), 40)):
        ends = today + timedelta(days=20) if one.place % 29 == 3 and share == 60 else None
        yield _given(
            client=one.code,
            product=PRODUCTS[place][0],
            quantity=1 + one.place % 3,
            monthly_amount=one.size * share // 100,
            started_on=started,
            ended_on=ends,
        )


def _debt(one: Company, today: date) -> Row:
    due = (today.replace(day=1) - timedelta(days=1)).replace(day=20)
    paid = one.place % 2 == 0
    return _given(
        client=one.code,
        period=f"{due:%Y-%m}",
        amount=one.size,
        paid=one.size if paid else 0,
        due_on=due,
        settled_on=min(due + timedelta(days=9), today) if paid else None,
    )


def _months(today: date) -> list[date]:
    """The first days of the complete months before a day, in order."""
    found = []
    month = today.replace(day=1)
    for _ in range(MONTHS):
        month = (month - timedelta(days=1)).replace(day=1)
        found.append(month)
    return found[::-1]


def _facts(one: Company, grouped: bool, today: date, random: Random) -> Iterator[Row]:
    """Nine months; at a few clients bill, minutes, traffic or members fall in the last one."""
    for place, month in enumerate(_months(today)):
        last = place == MONTHS - 1
        factor = {metric: random.uniform(0.94, 1.06) for metric in (keys.BILL, keys.MINUTES, keys.TRAFFIC)}
        if last and one.place % 37 < 3:
            factor[(keys.BILL, keys.MINUTES, keys.TRAFFIC)[one.place % 37]] = 0.55
        figures = {
            keys.BILL: round(one.size * factor[keys.BILL]),
            keys.MINUTES: round(one.staff * 180 * factor[keys.MINUTES]),
            keys.TRAFFIC: round(one.staff * 5_200 * factor[keys.TRAFFIC]),
        }
        if grouped:
            leaving = last and one.place % 44 == 8
            figures[keys.MEMBERS] = _members(one) + place // 3 - (_members(one) // 3 if leaving else 0)
        for metric, value in figures.items():
            yield {"client": one.code, "metric": metric, "period": f"{month:%Y-%m}", "value": value}


def _members(one: Company) -> int:
    return min(max(12, one.staff // 2), 900)


def _group(place: int, one: Company, today: date) -> Row:
    ahead = ENDS_AHEAD[place] if place < len(ENDS_AHEAD) else 100 + place * 41 % 500
    end = today + timedelta(days=ahead)
    members = _members(one)
    renewed = place % 12 == 11
    handed_over = end - timedelta(days=715)
    return _given(
        client=one.code,
        group_number=f"VG{one.place + 1:05}",
        group_name=f"{one.name}虚拟网",
        short_number_from="6000",
        short_number_to="6999",
        members_now=members,
        members_planned=min(members + members // 4 + 3, 1000),
        main_package=PACKAGES[place % len(PACKAGES)],
        main_package_ends_on=today + timedelta(days=28) if place % 31 == 9 else None,
        value_added_services="企业彩铃、呼叫转移" if place % 2 else "企业通讯录",
        key_person=_person(one.place),
        monthly_revenue=one.size * 2 // 5,
        agreement_number=f"XY{end:%Y}{one.place:05}",
        agreement_start=end - timedelta(days=729),
        agreement_end=end,
        previous_agreement_end=today - timedelta(days=12) if renewed and ahead < 700 else None,
        renewal_state=(RenewalState.IN_TALKS if place % 3 == 1 else RenewalState.NOT_DISCUSSED).value,
        handed_over_on=handed_over if handed_over < today else None,
        user_manual_version="V2.1",
        user_training_on=handed_over + timedelta(days=3) if handed_over + timedelta(days=3) < today else None,
    )


def _communication(place: int, one: Company, today: date) -> Row:
    rivals = [
        {
            "operator": RIVALS[place % 2],
            "service": "互联网专线",
            "monthly_fee": one.size * 20,
            "ends_on": (today + timedelta(days=ENDS_AHEAD[place % 7] if place < 7 else 150 + place * 9)).isoformat(),
        }
    ]
    return {
        "client": one.code,
        "telephone_lines": [
            {"kind": LineKind.FIXED.value, "lines": 2 + one.staff // 20, "monthly_fee": one.size * 10},
            {"kind": LineKind.MOBILE.value, "lines": one.staff, "monthly_fee": one.size * 40},
        ],
        "dedicated_lines": [
            {
                "number": f"DL{one.place:05}",
                "rate_mbit": str((4, 10, 50, 100)[one.place % 4]),
                "ip_addresses": (1, 5, 13, 29)[one.place % 4],
                "place": one.address,
                "monthly_fee": one.size * 30,
            }
        ],
        "broadband": [{"rate_mbit": "200", "lines": 1 + one.place % 4}],
        "data_centre_services": "机柜托管" if one.place % 6 == 0 else None,
        "monthly_bill": one.size,
        "competitor_services": rivals if place % 2 == 0 or place < 7 else [],
        "average_spend": max(1, one.size // one.staff),
        "decision_process": "信息部门提出，分管领导审批。",
    }


def _care(place: int, one: Company, today: date) -> Row:
    soon = today + timedelta(days=4)
    birthday = date(1972, soon.month, min(soon.day, 28)) if place < 3 and one.place % 5 == 0 else None
    return _given(
        client=one.code,
        contact=_person(one.place),
        preferences="偏好简短汇报，重视网络稳定。",
        birthday=birthday,
        greetings=[
            {
                "festival": Festival.NATIONAL_DAY.value,
                "sent_on": (today - timedelta(days=30 + place % 20)).isoformat(),
                "way": "短信",
            }
        ],
        last_care_on=today - timedelta(days=place % 50),
        last_care="上门回访网络质量。",
        satisfaction=2 if place % 14 == 5 else 4 + place % 2,
    )


def _need(one: Company, today: date) -> Row:
    due = datetime.combine(today - timedelta(days=3), time(3), UTC)
    return {
        "client": one.code,
        "need_area": list(NeedArea)[one.place % 4].value,
        "current_product": PRODUCTS[one.place % len(PRODUCTS)][1],
        "pain": "多地办公，通讯录不统一，专线高峰拥塞。",
        "solution": "统一短号并扩容专线。",
        "standard_price": one.size * 2,
        "quoted_price": one.size * 2 * 85 // 100,
        "discount_asked": 20,
        "proposal_due_at": due,
        "proposal_sent_at": due - timedelta(hours=2) if one.place % 2 else due + timedelta(hours=4),
    }


def _discount(one: Company) -> Row:
    return {
        "client": one.code,
        "trade": one.trade,
        "services": "互联网专线 100M、云总机",
        "background": "在网五年，合同即将到期，计划扩容。",
        "competition": f"{RIVALS[one.place % 2]}给出八折报价。",
        "items": [
            {"service": "互联网专线 100M", "quantity": 1, "standard_price": 300_000, "asked_price": 255_000},
            {"service": "云总机", "quantity": 20, "standard_price": 100_000, "asked_price": 90_000},
        ],
        "approver_chain": "部门经理、市场部、分管副总",
    }


def _addresses(one: Company) -> Row:
    return {
        "client": one.code,
        "applicant": one.name,
        "install_address": one.address,
        "contact_name": _person(one.place),
        "contact_phone": f"138{one.place:08}",
        "mailing_address": one.address,
        "line_rate_mbit": (4, 10, 50, 100)[one.place % 4],
        "addresses": (1, 5, 13, 29)[one.place % 4],
    }


def _order(place: int, one: Company, today: date) -> Row:
    """Complete and done; on its way; late; with papers missing."""
    sort = place % 4
    signed = today - timedelta(days=(8, 1, 10, 2)[sort])
    whole = sort != 3
    return _given(
        client=one.code,
        contract_number=f"XZ{one.place:05}",
        service="互联网专线新装",
        signed_on=signed,
        contract_copies=4 if whole else 2,
        seam_seals=True,
        ip_request_copies=2,
        commitment_letter_copies=2 if whole else 0,
        licence_copy=True,
        payer_slip=whole,
        engineering_contact="工程调度室",
        resource_available=sort != 2,
        planned_on=signed + timedelta(days=3 if sort != 2 else 7),
        done_on=signed + timedelta(days=2) if sort == 0 else None,
    )


def _report(place: int, one: Company, today: date) -> Row:
    urgent = place % 4 == 0
    reported = today - timedelta(days=place % 28)
    told = not urgent or place % 8 == 4
    return _given(
        client=one.code,
        competitor=RIVALS[place % 2],
        offer="专线首年八折，赠送云总机三个月。" if urgent else "宽带提速不加价。",
        valid_from=reported - timedelta(days=3),
        valid_until=reported + timedelta(days=60),
        strength=(Strength.STRONG if urgent else Strength.MEDIUM).value,
        urgent=urgent,
        source="客户走访",
        reported_on=reported,
        department_told="市场部" if told else None,
        told_on=min(reported + timedelta(days=1), today) if told else None,
    )


def _area(unit: str, today: date) -> Row:
    return {
        "unit": unit,
        "competitor": RIVALS[0],
        "offer": "在沿街商铺集中推广融合套餐。",
        "strength": Strength.MEDIUM.value,
        "urgent": False,
        "source": "片区摸排",
        "reported_on": today - timedelta(days=6),
        "area": "城区商业街",
    }


def _equipment(place: int, login: str, today: date) -> Iterator[Row]:
    for number, item in enumerate(("无线网桥", "测试终端")):
        lost = place == 0 and number == 1
        back = place % 3 == 1 and number == 1
        state = EquipmentState.LOST if lost else EquipmentState.RETURNED if back else EquipmentState.ISSUED
        yield _given(
            login=login,
            asset_code=f"ZC{place:04}{number}",
            item=item,
            mac=f"02:00:5E:00:{place % 256:02X}:{number:02X}",
            place_of_use="客户机房" if number == 0 else "随身",
            price=860 + number * 1_400,
            issued_on=today - timedelta(days=120 + place),
            state=state.value,
            returned_on=today - timedelta(days=9) if back else None,
        )
