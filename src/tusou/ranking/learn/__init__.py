"""Rankers fitted to judged queries: from arrays of features, grades and queries to a Ranker."""
