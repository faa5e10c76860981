"""The database kit: tables, the signed tenant, sessions, roles, policies."""
