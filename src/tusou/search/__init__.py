"""The query path from request to explained page."""
