"""Errors of the tree of units."""

from __future__ import annotations

from steward_tenants.errors import Conflict, NotFound, StewardError
from steward_tenants.texts import Bilingual


class UnitNotFound(NotFound):
    """No such unit, or it is outside the actor's scope."""

    code = "unit_not_found"
    message = Bilingual("找不到该组织机构。", "No such org unit.")


class UnitChanged(Conflict):
    """The unit was changed since the caller read it."""

    code = "unit_changed"
    message = Bilingual("组织机构“{name}”已被他人修改。", "Org unit “{name}” was changed by someone else.")


class UnitCodeTaken(Conflict):
    """Another unit of the tenant has this code."""

    code = "unit_code_taken"
    message = Bilingual("机构代码“{code}”已被使用。", "The unit code “{code}” is taken.")
    remedy = Bilingual("请换一个代码。", "Choose another code.")


class _Refused(StewardError):
    status = 409


class UnitClosed(_Refused):
    """A closed unit takes no people and no units, and is not moved."""

    code = "unit_closed"
    message = Bilingual("组织机构“{name}”自 {day} 起已撤销。", "Org unit “{name}” is closed from {day} on.")
    remedy = Bilingual("请选择未撤销的机构，或先恢复它。", "Choose an open unit, or reopen this one first.")


class UnitNotYetThere(_Refused):
    """The unit begins later than the day in question."""

    code = "unit_not_yet_there"
    message = Bilingual("组织机构“{name}”自 {day} 起才存在。", "Org unit “{name}” exists only from {day} on.")
    remedy = Bilingual("请选择该日或之后的日期。", "Choose that day or a later one.")


class UnitCycle(_Refused):
    """The unit would stand below itself on some day."""

    code = "unit_cycle"
    message = Bilingual("自 {day} 起“{name}”将成为自己的下级。", "“{name}” would stand below itself from {day} on.")
    remedy = Bilingual("请选择不在其下级中的上级机构。", "Choose a parent that is not below it.")


class UnitTooDeep(_Refused):
    """The tree would have more levels than allowed."""

    code = "unit_too_deep"
    message = Bilingual(
        "组织机构最多 {limit} 级，此操作将达到 {levels} 级。",
        "Org units have at most {limit} levels; this would make {levels}.",
    )
    remedy = Bilingual("请挂在更高一级的机构下。", "Put it under a unit nearer to the top.")


class UnitDayPast(_Refused):
    """Moves and closings take effect today or later: what happened under the old tree stays as it was."""

    code = "unit_day_past"
    message = Bilingual(
        "{day} 已过去，机构调整自 {today} 起才能生效。",
        "{day} has passed; changes of the tree take effect from {today} on.",
    )
    remedy = Bilingual("请选择今天或以后的日期。", "Choose today or a later day.")


class UnitStaysThere(_Refused):
    """The unit already stands under that parent on that day."""

    code = "unit_stays_there"
    message = Bilingual("组织机构“{name}”在该日已隶属于此上级。", "Org unit “{name}” already stands there on that day.")
    remedy = Bilingual("无需调整。", "Nothing needs to change.")


class NoSuchPlannedMove(NotFound):
    """No move of this unit is planned for that day, or it has already taken effect."""

    code = "no_such_planned_move"
    message = Bilingual(
        "组织机构“{name}”在 {day} 没有尚未生效的调整。",
        "No move of “{name}” is planned for {day}.",
    )
    remedy = Bilingual(
        "已生效的调整不能撤销，请自今天起重新调整。",
        "A move that took effect stays; move the unit again from today on.",
    )


class UnitInUse(_Refused):
    """People or units still stand in the unit that is to be closed."""

    code = "unit_in_use"
    message = Bilingual(
        "组织机构“{name}”下仍有 {people} 名人员和 {units} 个下级机构。",
        "Org unit “{name}” still has {people} people and {units} units.",
    )
    remedy = Bilingual("请先调出人员并调整或撤销下级机构。", "Move its people and move or close its units first.")


class UnitMovePlanned(_Refused):
    """The unit is to move, or begins, only after the day on which it is to close."""

    code = "unit_move_planned"
    message = Bilingual("组织机构“{name}”在 {day} 另有安排。", "“{name}” has a change planned for {day}.")
    remedy = Bilingual("请先撤销该安排，或选择更晚的日期。", "Cancel that change first, or choose a later day.")
