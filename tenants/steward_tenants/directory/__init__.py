"""Directory tables: what is known before any tenant is (closed list; ADR 0003)."""
