"""Routes of the HTTP API and of the page, one file per resource."""
