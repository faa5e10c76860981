"""The service's edge: what speaks HTTP. REST is sign-in and OAuth, /me, files, health and metrics; nothing else."""
