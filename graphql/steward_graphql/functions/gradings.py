"""Gradings explained: a preview with its distribution, a client's results with their reasons, a replay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from pydantic_core import to_jsonable_python

from steward_core.gradings.queries import Change, Preview, ResultLine, ResultQuery, preview, results_of_client
from steward_core.gradings.replay import ReplayReport, replay
from steward_graphql.declared.scalars import BOOLEAN, ID, INT, JSON, STRING, EnumKind
from steward_graphql.declared.shapes import Asked, EntityRef, Function, ListOf, Part
from steward_graphql.functions.parts import FIRST, MOST, TEXT, argument, few, page_size, part, several, shape
from steward_tenants.database.session import ReadSession
from steward_tenants.texts import Bilingual

CHANGE = EnumKind(
    "GradingChange",
    Bilingual("与上一期星级相比", "How stars compare with the period before"),
    (
        ("risen", Bilingual("上升", "Risen")),
        ("fallen", Bilingual("下降", "Fallen")),
        ("same", Bilingual("不变", "Same")),
        ("new", Bilingual("新评", "New")),
    ),
)
RESULT = shape(
    "GradingResultLine",
    "某客户的评级结果",
    "One client's result",
    part("recordId", ID, "结果记录编号", "Identifier of the result's record"),
    part("clientId", ID, "客户编号", "Identifier of the client"),
    part("client", EntityRef("Client"), "客户", "The client", nullable=True, read=lambda line: line.client_id),
    part("clientName", STRING, "客户名称", "The client's name"),
    part("clientCode", STRING, "客户编码", "The client's code", nullable=True),
    part("state", STRING, "记录状态", "State of the record"),
    part("score", INT, "得分（百分之一分）", "Score in hundredths of a point"),
    part("star", INT, "星级", "Stars"),
    part("grade", INT, "档位", "Grade"),
    part("rank", INT, "名次，1 为最好", "Rank, 1 is the best"),
    part("tier", STRING, "生效的客户等级", "The tier that it binds", nullable=True),
    part("previousScore", INT, "上期得分", "Score of the period before", nullable=True),
    part("previousStar", INT, "上期星级", "Stars of the period before", nullable=True),
    part("previousGrade", INT, "上期档位", "Grade of the period before", nullable=True),
    part("previousRank", INT, "上期名次", "Rank of the period before", nullable=True),
    part("change", CHANGE, "与上期相比", "Compared with the period before", read=lambda line: line.change.value),
    several("reasons", TEXT, "说明", "The explanation, line by line", read=lambda line: list(line.reasons)),
    part("document", JSON, "评级数据与各项得分", "The inputs and points", read=lambda line: dict(line.document)),
)


def _counted(name: str, of: str, what: Bilingual, counted: Bilingual) -> Part:
    """A part that lists how many clients there are of each number."""
    line = shape(
        name,
        counted.zh,
        counted.en,
        part(of, INT, what.zh, what.en, read=lambda pair: pair[0]),
        part("clients", INT, "客户数", "How many clients", read=lambda pair: pair[1]),
    )
    return several(f"{of}s", line, *counted, read=lambda found: sorted(getattr(found, f"{of}s").items()))


DISTRIBUTION = shape(
    "GradingDistribution",
    "评级结果的分布（可见范围内的客户）",
    "How results are distributed, of the clients in reach",
    part("clients", INT, "客户数", "How many clients"),
    _counted("GradingStarCount", "star", Bilingual("星级", "Stars"), Bilingual("各星级客户数", "Clients by stars")),
    _counted("GradingGradeCount", "grade", Bilingual("档位", "Grade"), Bilingual("各档位客户数", "Clients by grade")),
    several(
        "changes",
        shape(
            "GradingChangeCount",
            "某种变化的客户数",
            "Clients whose stars changed in one way",
            part("change", CHANGE, "变化", "The change", read=lambda pair: pair[0].value),
            part("clients", INT, "客户数", "How many clients", read=lambda pair: pair[1]),
        ),
        "各种变化的客户数",
        "Clients by how their stars changed",
        read=lambda found: sorted(found.changes.items()),
    ),
    several(
        "moves",
        shape(
            "GradingMove",
            "由某星级到某星级的客户数",
            "Clients that went from one number of stars to another",
            part("before", INT, "上期星级", "Stars before", read=lambda pair: pair[0][0]),
            part("after", INT, "本期星级", "Stars now", read=lambda pair: pair[0][1]),
            part("clients", INT, "客户数", "How many clients", read=lambda pair: pair[1]),
        ),
        "星级变动",
        "From which stars to which",
        read=lambda found: sorted(found.moves.items()),
    ),
)


async def _preview(
    session: ReadSession,
    asked: Asked,
    *,
    id: UUID,  # noqa: A002 - the argument's name
    stars: list[int] | None = None,
    lowest_grade: int | None = None,
    highest_grade: int | None = None,
    changes: list[str] | None = None,
    owner_id: UUID | None = None,
    client_id: UUID | None = None,
    first: int | None = None,
    after: UUID | None = None,
) -> Preview:
    """Raises Forbidden, GradingNotFound, InvalidInput."""
    query = ResultQuery(
        stars=frozenset(few("stars", stars)),
        lowest_grade=lowest_grade,
        highest_grade=highest_grade,
        changes=frozenset(Change(one) for one in few("changes", changes)),
        owner_id=owner_id,
        client_id=client_id,
        size=page_size(first),
        after=after,
    )
    return await preview(session, id, query, today=asked.today)


PREVIEW = shape(
    "GradingPreview",
    "一次评级及其结果",
    "A grading with its results, as the caller may see it",
    part("grading", EntityRef("Grading"), "评级", "The grading", nullable=True, read=lambda one: one.grading.id),
    part(
        "counts",
        JSON,
        "计数；仅对可见整个机构者",
        "Its counts, for those who see the whole unit",
        read=lambda one: dict(one.grading.counts),
    ),
    part("distribution", DISTRIBUTION, "结果分布", "How all results in reach are distributed"),
    several("results", RESULT, "一页结果", "One page of results", read=lambda one: list(one.results)),
    part(
        "nextAfter", ID, "下一页的 after；空为最后一页", "The `after` of the next page; none: the last", nullable=True
    ),
)


async def _results(
    session: ReadSession, asked: Asked, *, client_id: UUID, first: int | None = None
) -> Sequence[ResultLine]:
    """Raises Forbidden."""
    return await results_of_client(session, client_id, today=asked.today, limit=page_size(first))


async def _replay(session: ReadSession, asked: Asked, *, id: UUID) -> ReplayReport:  # noqa: A002
    """Raises Forbidden, GradingNotFound, SchemeNotFound, RuleVersionMissing."""
    return await replay(session, id, today=asked.today)


def _difference(one: Any) -> Mapping[str, Any]:
    return {
        "clientId": one.client_id,
        "name": one.name,
        "stored": to_jsonable_python(one.stored),
        "replayed": to_jsonable_python(one.replayed),
    }


REPLAY = shape(
    "GradingReplay",
    "评级复算的结果",
    "What a replay of a grading gave",
    part("gradingId", ID, "评级编号", "Identifier of the grading"),
    part("ruleVersion", INT, "规则版本", "Version of the rules"),
    part("checked", INT, "复算的结果数", "How many results were replayed"),
    part("same", BOOLEAN, "是否全部一致", "Whether every result came out as stored"),
    part(
        "differencesTotal",
        INT,
        "不一致之处的总数",
        "How many differences there are",
        read=lambda one: len(one.differences),
    ),
    several(
        "differences",
        shape(
            "GradingDifference",
            "一处不一致",
            "A result that came out otherwise",
            part(
                "clientId",
                ID,
                "客户编号；空为整个评级",
                "Identifier of the client; none: the whole",
                nullable=True,
                read=lambda one: one["clientId"],
            ),
            part("name", STRING, "项目", "What differs"),
            part("stored", JSON, "存储的值", "What is stored", nullable=True),
            part("replayed", JSON, "复算的值", "What the replay gave", nullable=True),
        ),
        "不一致之处（最多 100 处）",
        "The differences, at most 100",
        read=lambda one: [_difference(each) for each in one.differences[:MOST]],
    ),
)

_ID = argument("id", ID, "评级编号", "Identifier of the grading", required=True)
FUNCTIONS = (
    Function(
        "gradingPreview",
        Bilingual("一次评级的分布与结果", "A grading's distribution and one page of its results"),
        PREVIEW,
        _preview,
        (
            _ID,
            argument("stars", INT, "星级", "Of these stars", listed=True),
            argument("lowestGrade", INT, "最低档位", "Of this grade or higher"),
            argument("highestGrade", INT, "最高档位", "Of this grade or lower"),
            argument("changes", CHANGE, "变化", "Whose stars changed so", listed=True),
            argument("ownerId", ID, "客户经理编号", "Of this manager"),
            argument("clientId", ID, "客户编号", "Of this client"),
            FIRST,
            argument("after", ID, "上一页的 nextAfter", "The nextAfter of the page before"),
        ),
        cost=50,
    ),
    Function(
        "gradingResultsOfClient",
        Bilingual("某客户已生效的评级结果，最近在前", "A client's bound results, the latest first"),
        ListOf(RESULT),
        _results,
        (argument("clientId", ID, "客户编号", "Identifier of the client", required=True), FIRST),
    ),
    Function(
        "gradingReplay",
        Bilingual("按存储的数据与规则复算一次评级", "A grading computed again from what is stored with it"),
        REPLAY,
        _replay,
        (_ID,),
        cost=500,
    ),
)
