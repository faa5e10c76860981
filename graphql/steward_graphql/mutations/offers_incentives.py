"""Commands on pay: schemes, members, runs, disputes, corrections."""

from __future__ import annotations

from functools import cache

from steward_core.incentives.models import (
    PayCorrection,
    PayDispute,
    PayMember,
    PayRun,
    PayScheme,
    PaySchemeVersion,
)
from steward_core.runs.models import Run
from steward_graphql.catalogue.incentives import PAY_ROLE
from steward_graphql.declared.scalars import DATE, FEN, ID, JSON
from steward_graphql.declared.shapes import InputObject
from steward_graphql.mutations.derive import RUNS_WAIT, Offer
from steward_graphql.mutations.inputs import part
from steward_graphql.mutations.payloads import Result, id_of, row, rows
from steward_tenants.texts import Bilingual

_SCHEME = Bilingual("薪酬方案", "The pay scheme")
_MEMBER = {"member_id": Bilingual("方案成员", "The member")}
_PAY_RUN = {"run_id": Bilingual("薪酬核算", "The pay run")}
_DISPUTE = {"dispute_id": Bilingual("薪酬异议", "The dispute")}
_CORRECTION = {
    "fen": Bilingual("少发的金额；多发为负", "What was paid too little; below zero: too much"),
    "month": Bilingual("列入该月（首日）或之后的薪酬单，默认次月", "Into this month or later; the next when left out"),
}


@cache
def new_member() -> InputObject:
    """Somebody who shall be paid by a scheme."""
    return InputObject(
        "NewPayMember",
        Bilingual("新的方案成员", "Somebody who shall be paid by a scheme"),
        (
            part("person_id", ID, "人员", "The person", required=True),
            part("role", PAY_ROLE, "按什么身份计薪", "What the person is paid as", required=True),
            part("from_month", DATE, "起始月份（首日）", "First month, as its first day", required=True),
            part(
                "until_month",
                DATE,
                "终止月份（不含）；不填为长期",
                "Month from which it no longer holds; else for good",
            ),
            part(
                "unit_id",
                ID,
                "团队（主管为所带团队，技术人员为部门），默认本人机构",
                "The team: of a lead the one led, of a technician the department; the person's own unit when left out",
            ),
            part("probation_from", DATE, "试用期首月，仅销售", "First month of probation, of sales only"),
        ),
    )


def _scheme() -> Result:
    return row("scheme", PayScheme, "薪酬方案", "The scheme")


def _pay_run() -> Result:
    return row("pay_run", PayRun, "薪酬核算", "The pay run")


def _dispute() -> Result:
    return row("dispute", PayDispute, "薪酬异议", "The dispute")


def _correction() -> Result:
    return row("correction", PayCorrection, "薪酬更正", "The correction")


def incentives() -> dict[str, Offer]:
    """What is offered, by command."""
    return {**_of_schemes(), **_of_runs(), **_of_disputes()}


def _of_schemes() -> dict[str, Offer]:
    return {
        "incentives.scheme.create": Offer(
            "createPayScheme",
            (_scheme(),),
            Bilingual("添加版本后生效", "it takes effect with its first version"),
            texts={
                "unit_id": Bilingual(
                    "适用机构（含下级）；空为全公司", "The unit, with those below; none: the whole company"
                )
            },
        ),
        "incentives.scheme.change": Offer(
            "changePayScheme",
            (_scheme(),),
            Bilingual("未给的不变", "what is left out stays"),
            texts={"scheme_id": _SCHEME, "closed": Bilingual("是否停用", "Whether it is closed")},
        ),
        "incentives.scheme.version.add": Offer(
            "addPaySchemeVersion",
            (row("scheme_version", PaySchemeVersion, "新版本", "The new version"),),
            Bilingual("已审批的核算保持原版本", "what was approved keeps the version that it was worked out with"),
            kinds={"document": JSON},
            texts={
                "scheme_id": _SCHEME,
                "effective_from": Bilingual("自该月 1 日起生效", "In force from the first day of this month"),
                "document": Bilingual(
                    "档位、底薪、目标与比例（金额为分）", "Tiers, base pay, targets and rates; money in fen"
                ),
            },
        ),
        "incentives.members.add": Offer(
            "addPayMembers",
            (rows("members", PayMember, "新成员", "The new members"),),
            Bilingual("全部添加或全部不添加", "all of them or nobody"),
            kinds={"members": new_member()},
            texts={"scheme_id": _SCHEME, "members": Bilingual("要添加的人员", "Whom to add")},
        ),
        "incentives.member.end": Offer(
            "endPayMember",
            (row("member", PayMember, "成员", "The member"),),
            texts={
                **_MEMBER,
                "until_month": Bilingual(
                    "自该月（首日）起不再计薪；空值为长期", "From this month on no longer; null for good"
                ),
            },
        ),
        "incentives.member.remove": Offer("removePayMember", (id_of("member_id"),), texts=_MEMBER),
    }


def _of_runs() -> dict[str, Offer]:
    return {
        "incentives.run.request": Offer(
            "requestPayRun",
            (
                row("pay_run", PayRun, "薪酬核算", "The pay run", lambda answer, _: answer[0]),
                row("run", Run, "任务", "The run that makes it", lambda answer, _: answer[1]),
            ),
            RUNS_WAIT,
            texts={
                "scheme_id": _SCHEME,
                "month": Bilingual("月份（首日），须已结束", "The month's first day; it must be over"),
                "reason": Bilingual("重新核算已审批月份的原因（留痕）", "Why an approved month is revised, on record"),
            },
        ),
        "incentives.run.discard": Offer("discardPayRun", (_pay_run(),), texts=_PAY_RUN),
        "incentives.run.submit": Offer(
            "submitPayRun",
            (_pay_run(),),
            Bilingual("须由发起人以外的人审批", "somebody else than who ran it approves"),
            texts=_PAY_RUN,
        ),
        "incentives.run.recall": Offer("recallPayRun", (_pay_run(),), texts=_PAY_RUN),
    }


def _of_disputes() -> dict[str, Offer]:
    return {
        "incentives.dispute.raise": Offer(
            "disputePayLine",
            (_dispute(),),
            texts={
                "line_id": Bilingual("本人薪酬单的一行", "A line of the own statement"),
                "text": Bilingual("异议内容", "What is said against it"),
            },
        ),
        "incentives.dispute.withdraw": Offer("withdrawPayDispute", (_dispute(),), texts=_DISPUTE),
        "incentives.dispute.decide": Offer(
            "decidePayDispute",
            (_dispute(),),
            kinds={"correction_fen": FEN},
            texts={
                **_DISPUTE,
                "accepted": Bilingual("是否采纳", "Whether it is accepted"),
                "answer": Bilingual("答复", "What is answered"),
                "correction_fen": Bilingual(
                    "采纳时随即登记的更正金额", "What a correction entered at once comes to, of an accepted one"
                ),
                "month": _CORRECTION["month"],
            },
        ),
        "incentives.correction.add": Offer(
            "addPayCorrection",
            (_correction(),),
            kinds={"fen": FEN},
            texts={**_CORRECTION, "statement_id": Bilingual("已公布的薪酬单", "The published statement")},
        ),
        "incentives.correction.withdraw": Offer(
            "withdrawPayCorrection",
            (_correction(),),
            texts={"correction_id": Bilingual("薪酬更正", "The correction")},
        ),
    }
