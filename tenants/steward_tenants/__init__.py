"""Floor 1: who is here. Database kit, tenants, people, access, sign-in, audit, outbox."""
