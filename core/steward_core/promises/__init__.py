"""Promises to clients: clocks that run, pause, warn and are broken; what follows then; follow-ups of visits."""
