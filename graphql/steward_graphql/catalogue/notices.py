"""Notices: what a person was told. Everybody sees the own ones only."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, literal

from steward_core.notifications.models import Notice
from steward_graphql.declared.entities import Catalogue, Entity, ListRoot, OneRoot, Row, column, computed
from steward_graphql.declared.scalars import BOOLEAN
from steward_tenants.texts import Bilingual


def _own(row: Row) -> ColumnElement[bool]:
    own: ColumnElement[bool] = row.table.user_id == literal(row.planning.session.actor.id)
    return own


def _unread(row: Row) -> ColumnElement[Any]:
    unread: ColumnElement[Any] = row.table.read_at.is_(None)
    return unread


NOTICE = Entity(
    "Notice",
    Notice,
    Bilingual("本人收到的通知", "A notice to the caller"),
    reach=_own,
    order=(("createdAt", True),),
    fields=(
        column(Notice.id, "编号", "Identifier", filter=True),
        column(Notice.kind, "通知种类的标识", "Key of its kind", filter=True, group=True),
        column(Notice.title_zh, "中文标题", "Title in Chinese"),
        column(Notice.title_en, "英文标题", "Title in English"),
        column(Notice.body_zh, "中文正文", "Text in Chinese"),
        column(Notice.body_en, "英文正文", "Text in English"),
        column(
            Notice.subject_kind, "所涉对象的类型，如 client", "Sort of what it is about, such as client", filter=True
        ),
        column(Notice.subject_id, "所涉对象的编号", "Identifier of what it is about", filter=True),
        computed(
            "unread",
            BOOLEAN,
            _unread,
            "是否未读",
            "Whether it was not read yet",
            nullable=False,
            filter=True,
            group=True,
        ),
        column(Notice.read_at, "阅读时间", "When it was read", filter=True),
        column(Notice.created_at, "通知时间", "When it was written", filter=True, order=True, group=True),
    ),
)

CATALOGUE = Catalogue(
    entities=(NOTICE,),
    roots=(
        ListRoot("notices", "Notice", Bilingual("本人的通知，最新在前", "The caller's notices, the latest first")),
        OneRoot("notice", "Notice", Bilingual("本人的一条通知", "One notice of the caller's")),
    ),
)
