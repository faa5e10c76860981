"""What a tenant sets about documents."""

from __future__ import annotations

from steward_tenants.configuration.settings import declare_setting

TRUSTED_ONLY = declare_setting(
    "graphql.trusted_only",
    bool,
    False,
    "GraphQL 只允许受信任文档",
    "GraphQL takes trusted documents only",
)
