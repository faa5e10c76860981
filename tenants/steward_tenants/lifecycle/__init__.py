"""The life of a tenant: created, suspended, resumed, exported, restored, deleted."""
