"""Clients and what hangs on them as kinds of rows: who sees them, which fields are masked."""

from __future__ import annotations

from steward_core.clients.models import (
    Arrears,
    Attachment,
    Client,
    ClientNote,
    ClientProduct,
    Contact,
    Contract,
)
from steward_core.permissions import CLIENTS_VIEW
from steward_tenants.access.fields import EMAIL, PHONE
from steward_tenants.access.row_kinds import RowKind, row_kinds
from steward_tenants.texts import Bilingual

CLIENT = row_kinds.declare(
    RowKind(
        "client",
        Bilingual("客户", "client"),
        Client,
        CLIENTS_VIEW,
        owner=Client.owner_id,
        unit=Client.unit_id,
        stand_in=Client.deputy_id,
        fields={"phone": PHONE},
    )
)
CONTACT = row_kinds.declare(
    RowKind(
        "contact",
        Bilingual("联系人", "contact"),
        Contact,
        CLIENTS_VIEW,
        fields={"phone": PHONE, "email": EMAIL},
        parent=CLIENT,
        parent_id=Contact.client_id,
    )
)
CONTRACT = row_kinds.declare(
    RowKind(
        "contract",
        Bilingual("合同", "contract"),
        Contract,
        CLIENTS_VIEW,
        parent=CLIENT,
        parent_id=Contract.client_id,
    )
)
CLIENT_PRODUCT = row_kinds.declare(
    RowKind(
        "client_product",
        Bilingual("在用产品", "product in use"),
        ClientProduct,
        CLIENTS_VIEW,
        parent=CLIENT,
        parent_id=ClientProduct.client_id,
    )
)
ARREARS = row_kinds.declare(
    RowKind(
        "arrears",
        Bilingual("欠费", "arrears"),
        Arrears,
        CLIENTS_VIEW,
        parent=CLIENT,
        parent_id=Arrears.client_id,
    )
)
NOTE = row_kinds.declare(
    RowKind(
        "client_note",
        Bilingual("客户备注", "client note"),
        ClientNote,
        CLIENTS_VIEW,
        parent=CLIENT,
        parent_id=ClientNote.client_id,
    )
)
ATTACHMENT = row_kinds.declare(
    RowKind(
        "attachment",
        Bilingual("客户附件", "attachment"),
        Attachment,
        CLIENTS_VIEW,
        parent=CLIENT,
        parent_id=Attachment.client_id,
    )
)
