"""What must be known of promises wherever the floor is: kinds of rows, settings, what follows a client, who listens."""

from steward_core.promises import following, form_events, request_settings, row_kinds

__all__ = ["following", "form_events", "request_settings", "row_kinds"]
