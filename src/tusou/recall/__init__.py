"""First stage: a query to about a thousand candidates."""
