"""Daily logs, week and month summaries, meeting minutes."""
