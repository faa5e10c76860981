"""Every table of this floor, imported once so that the metadata is whole."""

from steward_tenants.access import models as access
from steward_tenants.audit import models as audit
from steward_tenants.commands import models as commands
from steward_tenants.configuration import models as configuration
from steward_tenants.database.tables import DirectoryTable, TenantTable
from steward_tenants.directory import models as directory
from steward_tenants.files import models as files
from steward_tenants.oauth import models as oauth
from steward_tenants.organisation import models as organisation
from steward_tenants.outbox import models as outbox
from steward_tenants.people import models as people
from steward_tenants.plugins import models as plugins
from steward_tenants.privacy import models as privacy
from steward_tenants.signin import models as signin
from steward_tenants.support import models as support

tenant_metadata = TenantTable.metadata
directory_metadata = DirectoryTable.metadata

__all__ = [
    "access",
    "audit",
    "commands",
    "configuration",
    "directory",
    "directory_metadata",
    "files",
    "oauth",
    "organisation",
    "outbox",
    "people",
    "plugins",
    "privacy",
    "signin",
    "support",
    "tenant_metadata",
]
