"""Workers: what rings, fetches and does the jobs that tenants' outboxes hold."""
