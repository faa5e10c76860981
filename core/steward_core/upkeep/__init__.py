"""Regular work that nobody asks for: tidying up, days that come, the audit log looked over."""
