"""What people did with results: event log, sessions, click models, judgments out of clicks."""
