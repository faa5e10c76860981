"""What a run of a scheme takes and gives, as values that can be stored and worked out again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from pydantic import ConfigDict, TypeAdapter, ValidationError

from steward_core.forms.fields import Choice
from steward_core.forms.problems import problems_of
from steward_core.incentives.errors import InputsRefused
from steward_tenants.texts import Bilingual


class Role(Choice):
    """What a person is paid as."""

    SALES = "sales", "销售", "Sales"
    TEAM_LEAD = "team_lead", "团队主管", "Team lead"
    TECHNICIAN = "technician", "技术人员", "Technician"


ROLES = {role.value: role for role in Role}


class Rule(Choice):
    """The rules of a team's scheme. Other schemes add lines under keys of their own (a lost client, an overdue
    node)."""

    BASE_PAY = "base_pay", "底薪", "Base pay"
    COMMISSION = "commission", "业绩提成", "Commission"
    MONTHLY_TARGET = "monthly_target", "月度目标", "Monthly target"
    PROBATION_PAY = "probation_pay", "试用期底薪", "Probation pay"
    RESPONSIBILITY_PAY = "responsibility_pay", "责任底薪", "Responsibility base pay"
    PROBATION_TARGET = "probation_target", "试用期目标", "Probation target"
    LEAD_PAY = "lead_pay", "主管底薪", "Team lead's base pay"
    TEAM_BONUS = "team_bonus", "团队奖励", "Team bonus"
    TECHNICIAN_PAY = "technician_pay", "技术人员底薪", "Technician's base pay"
    DEPARTMENT_SHARE = "department_share", "部门业绩提成", "Share of the department's revenue"


@dataclass(frozen=True, slots=True)
class PersonMonth:
    """All that a month's pay of one person is worked out from; money in fen.

    `probation_month` is 1 for the first month, None after probation; `probation_before` the revenue of each month of
    probation before this one. `team_revenue` (a lead's) has the lead's own in it; `department_revenue` is a
    technician's.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    person: UUID
    month: date
    role: Role
    revenue: int = 0
    probation_month: int | None = None
    probation_before: tuple[int, ...] = ()
    team_revenue: int | None = None
    department_revenue: int | None = None

    def as_document(self) -> dict[str, Any]:
        """The inputs as JSON values."""
        return {
            "person": str(self.person),
            "month": self.month.isoformat(),
            "role": self.role.value,
            "revenue": self.revenue,
            "probation_month": self.probation_month,
            "probation_before": list(self.probation_before),
            "team_revenue": self.team_revenue,
            "department_revenue": self.department_revenue,
        }


_PERSON_MONTH = TypeAdapter(PersonMonth)


def read_person_month(document: Mapping[str, Any]) -> PersonMonth:
    """The inputs of a document. Raises InputsRefused."""
    try:
        return _PERSON_MONTH.validate_python(document)
    except ValidationError as error:
        raise InputsRefused(problems=problems_of(error)) from None


@dataclass(frozen=True, slots=True)
class Line:
    """One rule's part of a month's pay: what went in, the formula with its figures, what came out (fen; 0 where a rule
    only tells something)."""

    rule: str
    title: Bilingual
    inputs: Mapping[str, Any]
    formula: Bilingual
    fen: int


@dataclass(frozen=True, slots=True)
class Statement:
    """A person's pay of a month. `given`, the scheme's version and the rules' version give the same lines again."""

    given: PersonMonth
    scheme_version: int
    rule_version: int
    lines: tuple[Line, ...]

    @property
    def total(self) -> int:
        """What is paid, in fen: the sum of the lines."""
        return sum(line.fen for line in self.lines)
