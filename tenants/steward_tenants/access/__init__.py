"""Who may do and see what: permissions, roles, row scope, field masking. Decided here and nowhere else."""
