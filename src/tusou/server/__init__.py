"""HTTP API and web page; the only home of the web framework."""
