"""The words of a printed day sheet, in both languages."""

from __future__ import annotations

from steward_core.visits.day_sheet import DaySheet, SheetStop, Task
from steward_tenants.texts import Bilingual

HEADING = Bilingual("走访日程单", "Day sheet")
COLUMNS = (
    Bilingual("序", "No."),
    Bilingual("客户", "Client"),
    Bilingual("地址", "Address"),
    Bilingual("联系人 / 电话", "Contact / phone"),
    Bilingual("在用产品", "Products in use"),
    Bilingual("潜在需求", "Potential needs"),
    Bilingual("事项", "To do"),
    Bilingual("记录", "Notes"),
)
LEGEND = Bilingual("☆ 计划  ● 临时  ★ 已完成", "☆ planned  ● temporary  ★ done")
NOTHING = Bilingual("当日没有走访安排。", "Nothing is planned for this day.")
_WEEKDAYS = ("一", "二", "三", "四", "五", "六", "日")


def subtitle(sheet: DaySheet) -> Bilingual:
    """Whose and of which day."""
    weekday = _WEEKDAYS[sheet.day.weekday()]
    far = f"{sheet.metres / 1000:.1f}"
    return Bilingual(
        f"{sheet.owner_name}　{sheet.day} 星期{weekday}　共 {len(sheet.stops)} 户　约 {far} 公里",
        f"{sheet.owner_name}, {sheet.day:%A} {sheet.day}: {len(sheet.stops)} client(s), about {far} km",
    )


def times(sheet: DaySheet) -> Bilingual:
    """The day's fixed times."""
    morning, begin, evening = (
        f"{one:%H:%M}" for one in (sheet.morning_meeting, sheet.visits_from, sheet.evening_meeting)
    )
    return Bilingual(
        f"晨会 {morning}　走访 {begin} 起　夕会 {evening}",
        f"Morning meeting {morning}, visits from {begin}, evening meeting {evening}",
    )


def cells(stop: SheetStop, locale: str) -> tuple[str, ...]:
    """The texts of a stop's row, a line each where there are several; the last is the room for notes."""
    metres = "" if stop.metres is None else f"\n+{stop.metres / 1000:.1f} km"
    name = "\n".join(one for one in (stop.client_name, stop.code, stop.tier) if one)
    person = " ".join(one for one in (stop.contact, stop.position) if one)
    return (
        f"{stop.number} {stop.symbol}{metres}",
        name,
        stop.address or "",
        "\n".join(one for one in (person, stop.phone) if one),
        ("、" if locale == "zh-CN" else ", ").join(stop.products),
        stop.potential_needs or "",
        "\n".join(_task(task, locale) for task in stop.tasks),
        "",
    )


def _task(task: Task, locale: str) -> str:
    due = "" if task.due_on is None else Bilingual(f"（{task.due_on} 到期）", f" (due {task.due_on})").in_locale(locale)
    carried = ""
    if task.carried:
        carried = Bilingual(f" 结转 {task.carried} 次", f", carried over {task.carried}×").in_locale(locale)
    return f"{task.symbol} {task.title.in_locale(locale)}{due}{carried}"
