"""Records of industry forms and every revision of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from steward_tenants.database.tables import TenantTable, created, identifier, refers, version


class FormRecord(TenantTable):
    """One filled-in form. `form` is `<plugin>.<form key>`, `form_version` the version whose model wrote `document`.

    `subject_kind` and `subject_id` say what it is about (client, contact, user, unit, visit); `client_id` is the client
    behind it, where there is one, and decides who may see it; else `owner_id` and `unit_id` do. `slot` keeps two
    records of one subject apart where the form allows only one for it (`''`: one for all time, a period, a brand's
    code); empty where there may be many. `state` is one of the form's states (`draft` before it counts). `computed`
    holds the computed values as they were at save. `batch_id` names the grading that made it. A record about a contact
    who was erased is left empty: no document, no revisions.
    """

    __tablename__ = "form_record"
    __table_args__ = (
        refers("client_id", "client"),
        refers("owner_id", "tenant_user"),
        refers("unit_id", "org_unit"),
        UniqueConstraint("tenant_id", "form", "subject_id", "slot"),
        Index("ix_form_record_tenant_id_form", "tenant_id", "form", "created_at", "id"),
        Index("ix_form_record_tenant_id_client_id", "tenant_id", "client_id", "form", "created_at", "id"),
        Index(
            "ix_form_record_tenant_id_batch_id",
            "tenant_id",
            "batch_id",
            "id",
            postgresql_where=text("batch_id is not null"),
        ),
        Index(
            "ix_form_record_tenant_id_submitted",
            "tenant_id",
            "updated_at",
            postgresql_where=text("state = 'submitted'"),
        ),
    )

    id: Mapped[UUID] = identifier()
    plugin: Mapped[str]
    form: Mapped[str]
    form_version: Mapped[int]
    subject_kind: Mapped[str]
    subject_id: Mapped[UUID]
    client_id: Mapped[UUID | None]
    owner_id: Mapped[UUID | None]
    unit_id: Mapped[UUID | None]
    slot: Mapped[str | None]
    period: Mapped[str | None]
    state: Mapped[str]
    title: Mapped[str]
    document: Mapped[dict[str, Any]]
    computed: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    custom: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    batch_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = created()
    created_by: Mapped[UUID]
    updated_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    updated_by: Mapped[UUID]
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}


class FormRevision(TenantTable):
    """What a record was before a change; never changed, and gone with the person that it tells of (erasure of a
    contact). `revision` is the record's `version` that it was."""

    __tablename__ = "form_revision"
    __table_args__ = (refers("record_id", "form_record"),)

    record_id: Mapped[UUID] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    form_version: Mapped[int]
    state: Mapped[str]
    document: Mapped[dict[str, Any]]
    computed: Mapped[dict[str, Any]]
    custom: Mapped[dict[str, Any]]
    cause: Mapped[str]
    replaced_by: Mapped[UUID]
    replaced_at: Mapped[datetime] = created()
