"""What is refused of a document before anything is read: its shape, its pages, its cost. Each says limit and actual."""

from __future__ import annotations

from steward_tenants.errors import StewardError
from steward_tenants.texts import Bilingual


class RefusedShape(StewardError):
    """A document is outside one of the limits. `limit` and `actual` are numbers of what the subclass names."""

    code = "document_refused"
    status = 400
    message = Bilingual(
        "查询文档超出限制：最多 {limit}，实际 {actual}。",
        "The document is over a limit: at most {limit}, here {actual}.",
    )
    remedy = Bilingual("请拆分查询或减少内容后重试。", "Split the document, or ask for less.")

    def __init__(self, limit: int, actual: int, *, field: str = "") -> None:
        self.limit = limit
        self.actual = actual
        super().__init__(limit=limit, actual=actual, field=field)


class TextTooLong(RefusedShape):
    """The text has too many characters."""

    code = "document_too_long"
    message = Bilingual(
        "查询文档最多 {limit} 个字符，实际 {actual} 个。", "A document has at most {limit} characters, here {actual}."
    )
    remedy = Bilingual("请用变量传递数据，并拆分查询。", "Send data as variables, and split the document.")


class TooManyTokens(RefusedShape):
    """The text has too many tokens."""

    code = "too_many_tokens"
    message = Bilingual(
        "查询文档最多 {limit} 个词法单元，此文档至少 {actual} 个。",
        "A document has at most {limit} tokens, this one at least {actual}.",
    )
    remedy = Bilingual("请用变量传递数据，并拆分查询。", "Send data as variables, and split the document.")


class NestedTooDeeply(RefusedShape):
    """Fields, or brackets of any sort, stand too deep inside each other."""

    code = "nested_too_deeply"
    message = Bilingual("嵌套最多 {limit} 层，实际 {actual} 层。", "Nesting goes at most {limit} deep, here {actual}.")
    remedy = Bilingual("请减少嵌套层数，分次查询。", "Nest less, and ask in several steps.")


class TooManyAliases(RefusedShape):
    """Too many fields are renamed."""

    code = "too_many_aliases"
    message = Bilingual(
        "别名最多 {limit} 个，实际 {actual} 个。", "At most {limit} aliases are allowed, here {actual}."
    )


class TooManyDirectives(RefusedShape):
    """Too many directives in the document or in one place."""

    code = "too_many_directives"
    message = Bilingual(
        "指令总数最多 {limit} 个，实际 {actual} 个。", "At most {limit} directives are allowed, here {actual}."
    )


class TooManyDirectivesInPlace(RefusedShape):
    """Too many directives in one place."""

    code = "too_many_directives_in_place"
    message = Bilingual(
        "同一处最多 {limit} 个指令，实际 {actual} 个。", "One place has at most {limit} directives, here {actual}."
    )


class TooManyFragments(RefusedShape):
    """Fragments are spread too often."""

    code = "too_many_fragment_spreads"
    message = Bilingual(
        "片段引用最多 {limit} 处，实际 {actual} 处。", "Fragments are spread at most {limit} times, here {actual}."
    )


class CircularFragments(StewardError):
    """A fragment contains itself."""

    code = "circular_fragments"
    status = 400
    message = Bilingual("片段“{name}”引用了自身。", "Fragment “{name}” contains itself.")
    remedy = Bilingual("请去掉循环引用。", "Take the circle out.")


class TooManyFields(RefusedShape):
    """With its fragments spread, an operation has too many fields."""

    code = "too_many_fields"
    message = Bilingual(
        "展开片段后最多 {limit} 个字段，实际 {actual} 个。",
        "With fragments spread, at most {limit} fields are allowed, here {actual}.",
    )


class TooManyRootFields(RefusedShape):
    """An operation asks for too much at once."""

    code = "too_many_root_fields"
    message = Bilingual(
        "一次操作最多 {limit} 个顶层字段，实际 {actual} 个。",
        "An operation has at most {limit} fields at its root, here {actual}.",
    )


class RepeatedTooOften(RefusedShape):
    """The same field stands in one selection again and again."""

    code = "field_repeated_too_often"
    message = Bilingual(
        "字段“{field}”在同一处最多重复 {limit} 次，实际 {actual} 次。",
        "Field “{field}” stands in one selection at most {limit} times, here {actual}.",
    )
    remedy = Bilingual("请去掉重复的字段。", "Remove the repetitions.")


class TooManyArguments(RefusedShape):
    """A field or directive has too many arguments."""

    code = "too_many_arguments"
    message = Bilingual(
        "同一处最多 {limit} 个参数，实际 {actual} 个。", "One place has at most {limit} arguments, here {actual}."
    )


class TooManyValues(RefusedShape):
    """Too many values are written into the document."""

    code = "too_many_values"
    message = Bilingual(
        "文档内最多 {limit} 个值，实际 {actual} 个。", "At most {limit} values stand in a document, here {actual}."
    )
    remedy = Bilingual("请用变量传递数据。", "Send data as variables.")


class TooManyVariables(RefusedShape):
    """An operation declares too many variables."""

    code = "too_many_variables"
    message = Bilingual(
        "一次操作最多 {limit} 个变量，实际 {actual} 个。", "An operation has at most {limit} variables, here {actual}."
    )


class TooManyOperations(RefusedShape):
    """A document holds too many operations and fragments."""

    code = "too_many_definitions"
    message = Bilingual(
        "文档最多含 {limit} 个操作与片段，实际 {actual} 个。",
        "A document holds at most {limit} operations and fragments, here {actual}.",
    )


class IntrospectionTooDeep(RefusedShape):
    """Introspection goes round: lists of fields inside fields inside fields."""

    code = "introspection_too_deep"
    message = Bilingual(
        "内省查询最多嵌套 {limit} 层列表，实际 {actual} 层。",
        "Introspection nests lists at most {limit} deep, here {actual}.",
    )
    remedy = Bilingual("请使用标准内省查询，或下载已发布的 SDL。", "Use the standard query, or the published SDL.")


class IntrospectionTooLarge(RefusedShape):
    """Introspection asks for the schema many times over."""

    code = "introspection_too_large"
    message = Bilingual(
        "内省查询最多 {limit} 个列表，实际 {actual} 个。", "Introspection has at most {limit} lists, here {actual}."
    )
    remedy = Bilingual("请使用标准内省查询，或下载已发布的 SDL。", "Use the standard query, or the published SDL.")


class PageRefused(StewardError):
    """`first`, `last`, `after`, `before` of a list do not go together, or a page is too large."""

    code = "page_refused"
    status = 400
    message = Bilingual("“{field}”的分页参数有误：{reason}", "The page of “{field}” is not right: {reason}")
    remedy = Bilingual(
        "向后翻页用 first 与 after，向前翻页用 last 与 before；每页 0 到 100 条。",
        "Use first with after, or last with before; a page has 0 to 100 rows.",
    )

    def __init__(self, field: str, reason: Bilingual) -> None:
        self.reason = reason
        super().__init__(field=field, reason=reason.en)

    @property
    def text(self) -> Bilingual:
        values = {"field": self.values["field"]}
        return Bilingual(
            self.message.zh.format(reason=self.reason.zh, **values),
            self.message.en.format(reason=self.reason.en, **values),
        )


class TooManyIds(RefusedShape):
    """`nodes` is asked for too many rows."""

    code = "too_many_ids"
    message = Bilingual(
        "“{field}”一次最多 {limit} 个编号，实际 {actual} 个。", "“{field}” takes at most {limit} ids, here {actual}."
    )


class TooManyConditions(RefusedShape):
    """A filter has too many members."""

    code = "too_many_conditions"
    message = Bilingual(
        "筛选条件最多 {limit} 项，实际 {actual} 项。", "A filter has at most {limit} members, here {actual}."
    )
    remedy = Bilingual("请用 in 合并条件。", "Join them with `in`.")


class TooExpensive(RefusedShape):
    """One request would cost more points than a request may; `field` is the list that costs most."""

    code = "too_expensive"
    message = Bilingual(
        "该请求需 {actual} 点，上限 {limit} 点；开销最大的是“{field}”。",
        "The request costs {actual} points, at most {limit} are allowed; “{field}” costs most.",
    )
    remedy = Bilingual("请减小每页条数或减少嵌套列表。", "Ask for smaller pages or fewer nested lists.")


class BudgetSpent(StewardError):
    """The client's points for this minute are used up. `seconds` says when the next begin."""

    code = "budget_spent"
    status = 429
    message = Bilingual("本分钟的 {limit} 点查询额度已用完。", "The {limit} points of this minute are used up.")
    remedy = Bilingual("请在 {seconds} 秒后重试。", "Try again in {seconds} seconds.")

    def headers(self) -> dict[str, str]:
        return {
            "Retry-After": str(self.values["seconds"]),
            "X-Budget-Limit": str(self.values["limit"]),
            "X-Budget-Remaining": "0",
            "X-Budget-Reset": str(self.values["seconds"]),
        }
