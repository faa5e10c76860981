"""Files of imports and exports: what opening them needs."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from steward_core.permissions import CLIENTS_EXPORT, RECORDS_IMPORT
from steward_tenants.configuration.settings import declare_setting
from steward_tenants.files.service import declare_purpose

IMPORT = declare_purpose("import", RECORDS_IMPORT, owner_may=True, scoped=True)
IMPORT_ERRORS = declare_purpose("import_errors", RECORDS_IMPORT, owner_may=True, scoped=True)
EXPORT = declare_purpose("export", CLIENTS_EXPORT, owner_may=True, scoped=True)
CSV_TYPE = "text/csv"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
IMPORT_MEGABYTES = declare_setting(
    "imports.megabytes",
    Annotated[int, Field(ge=1, le=300)],
    300,
    "单个导入文件的上限（MB）",
    "Largest file to import (MB)",
)
