"""A report as a page to print, in one language: plain HTML that needs nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from steward_core.reports.models import REPORT_KINDS, REPORT_STATES
from steward_core.reports.queries import ContactShown, ReportDetail
from steward_core.reports.words import period_words
from steward_core.visits.models import VisitKind
from steward_tenants.texts import Bilingual

_KINDS: Mapping[str, VisitKind] = {one.value: one for one in VisitKind}
_STYLE = (
    "body{font:14px/1.5 sans-serif;margin:2em}table{border-collapse:collapse;width:100%}"
    "th,td{border:1px solid #999;padding:4px 6px;text-align:left;vertical-align:top}"
    "h2{font-size:1.1em;margin-top:1.5em}.text{white-space:pre-wrap}"
)
_COUNTS = (
    ("visits", Bilingual("走访", "Visits")),
    ("clients", Bilingual("走访客户数", "Clients visited")),
    ("actions_done", Bilingual("完成动作", "Actions done")),
    ("actions_open", Bilingual("未完成动作", "Actions open")),
    ("requests_opened", Bilingual("新受理诉求", "Requests opened")),
    ("requests_answered", Bilingual("答复诉求", "Requests answered")),
    ("promises_kept", Bilingual("兑现承诺", "Promises kept")),
    ("promises_broken", Bilingual("超时承诺", "Promises broken")),
    ("opportunities", Bilingual("商机进展", "Steps of opportunities")),
    ("competitors", Bilingual("竞争信息", "Reports of competitors")),
    ("next", Bilingual("下期计划", "Planned next")),
)


@dataclass(frozen=True)
class _Page:
    locale: str
    contacts: Mapping[str, ContactShown]

    def say(self, zh: str, en: str) -> str:
        return escape(Bilingual(zh, en).in_locale(self.locale))

    def person(self, contact_id: str | None) -> str:
        """A contact's name and masked phone; nothing of one whom the reader does not reach."""
        known = self.contacts.get(contact_id or "")
        return "" if known is None else escape(" ".join(part for part in (known.name, known.phone) if part))


Cell = Callable[[_Page, Mapping[str, Any]], str]
Columns = Sequence[tuple[Bilingual, Cell]]


def _plain(*names: str) -> Cell:
    """The first of these values that a line has."""
    return lambda _, line: escape(str(next((line[name] for name in names if line.get(name)), "")))


def _joined(*names: str) -> Cell:
    """All of these values that a line has."""
    return lambda _, line: "<br>".join(escape(str(line[name])) for name in names if line.get(name))


def _listed(name: str) -> Cell:
    return lambda _, line: escape("、".join(map(str, line.get(name) or ())))


def _kind(page: _Page, line: Mapping[str, Any]) -> str:
    known = _KINDS.get(line.get("kind", ""))
    return "" if known is None else escape(known.title.in_locale(page.locale))


def _met(page: _Page, line: Mapping[str, Any]) -> str:
    return "<br>".join(filter(None, map(page.person, line.get("contact_ids") or ())))


def _title(page: _Page, line: Mapping[str, Any]) -> str:
    spoken = line.get("title_en" if page.locale.lower().startswith("en") else "title_zh")
    return escape(str(spoken or line.get("title") or line.get("source") or line.get("text") or ""))


_DAY = (Bilingual("日期", "Day"), _plain("day", "done_on", "due_on"))
_CLIENT = (Bilingual("客户", "Client"), _plain("client"))
_WHAT = (Bilingual("内容", "What"), _title)
_STATE = (Bilingual("状态", "State"), _plain("state", "status", "after"))
_VISITS: Columns = (
    _DAY,
    _CLIENT,
    (Bilingual("地址", "Address"), _plain("address")),
    (Bilingual("方式", "How"), _kind),
    (Bilingual("联系人及电话", "Contacts and phones"), _met),
    (Bilingual("主要负责人", "Main person"), lambda page, line: page.person(line.get("main_person_id"))),
    (Bilingual("在用产品", "Products in use"), _listed("products")),
    (Bilingual("潜在需求", "Potential needs"), _joined("needs_text", "potential_needs")),
    (Bilingual("情况", "What was said"), _plain("summary", "topics")),
    (Bilingual("下一步", "Next step"), _plain("next_step")),
)
_SECTIONS: Sequence[tuple[str, Bilingual, Columns]] = (
    ("visits", Bilingual("走访", "Visits"), _VISITS),
    ("actions_done", Bilingual("★ 已完成的动作", "★ Actions done"), (_DAY, _CLIENT, _WHAT)),
    ("actions_open", Bilingual("☆ 未完成的动作", "☆ Actions open"), (_DAY, _CLIENT, _WHAT)),
    ("requests_opened", Bilingual("新受理的诉求", "Requests opened"), (_DAY, _CLIENT, _WHAT, _STATE)),
    ("requests_answered", Bilingual("已答复的诉求", "Requests answered"), (_DAY, _CLIENT, _WHAT, _STATE)),
    ("promises_broken", Bilingual("超时的承诺", "Promises broken"), (_DAY, _CLIENT, _WHAT, _STATE)),
    ("opportunities", Bilingual("商机进展", "Opportunities"), (_DAY, _CLIENT, _WHAT, _STATE)),
    ("competitors", Bilingual("竞争信息", "Competitors"), (_DAY, _CLIENT, _WHAT)),
    ("next", Bilingual("下期计划", "Planned next"), (_DAY, _CLIENT, _WHAT)),
)


def printed(detail: ReportDetail, locale: str) -> str:
    """The page."""
    page, report = _Page(locale, detail.contacts), detail.report
    facts = report.facts
    title = escape(period_words(REPORT_KINDS[report.kind], report.period_start).in_locale(locale))
    state = escape(REPORT_STATES[report.state].title.in_locale(locale))
    head = " · ".join(escape(one) for one in (detail.owner_name, detail.unit_name) if one)
    taken = page.say("数据时间", "Figures as of")
    parts = [
        f"<h1>{title}</h1><p>{head} · {state} · {taken} {report.facts_at:%Y-%m-%d %H:%MZ}</p>",
        _table([title.in_locale(locale) for _, title in _COUNTS], [[_count(facts, key) for key, _ in _COUNTS]]),
    ]
    for key, title_of, columns in _SECTIONS:
        if lines := facts.get(key):
            heads = [head.in_locale(locale) for head, _ in columns]
            rows = [[cell(page, line) for _, cell in columns] for line in lines]
            parts.append(f"<h2>{escape(title_of.in_locale(locale))}</h2>{_table(heads, rows)}")
    parts += [
        _text(page.say("判断与分析", "Judgement"), report.judgement),
        _cases(page.say("成功案例", "Successful cases"), report.cases.get("successful")),
        _cases(page.say("失败案例", "Unsuccessful cases"), report.cases.get("unsuccessful")),
        _text(page.say("领导意见", "Opinion of the lead"), report.opinion, detail.reader_name),
    ]
    language = "en" if locale.lower().startswith("en") else "zh-CN"
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>"
    )


def _count(facts: Mapping[str, Any], key: str) -> str:
    return str(facts.get("counts", {}).get(key, 0))


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f"<th>{escape(one)}</th>" for one in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _text(head: str, text: str | None, by: str | None = None) -> str:
    signed = f"<p>{escape(by)}</p>" if text and by else ""
    return f'<h2>{head}</h2><p class="text">{escape(text or "")}</p>{signed}'


def _cases(head: str, cases: Sequence[str] | None) -> str:
    if not cases:
        return ""
    return f'<h2>{head}</h2><ol class="text">{"".join(f"<li>{escape(one)}</li>" for one in cases)}</ol>'
