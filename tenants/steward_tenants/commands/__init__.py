"""Commands: how anything changes. Authorised, audited, idempotent."""
