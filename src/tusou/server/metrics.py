"""What Prometheus reads: one registry per app, so that two apps in one process do not mix."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Metrics:
    """Counters of one running server.

    Attributes:
        requests: Time per request by route template, method and status.
        stages: Time per search stage.
        documents: Images in the index.
        rejected: Query pictures refused, by reason.
        model: 1 for the model in use, named by its label.
        feedback: Searches and events the event log was given, by what became of them.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Histogram(
            "tusou_http_request_duration_seconds",
            "Time from the first byte of a request to the last of its answer.",
            ("route", "method", "code"),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.stages = Histogram(
            "tusou_search_stage_duration_seconds",
            "Time per stage of a search.",
            ("stage",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.documents = Gauge("tusou_index_docs", "Images that can be found.", registry=self.registry)
        self.rejected = Counter(
            "tusou_query_images_rejected",
            "Query pictures that could not be used, by reason.",
            ("reason",),
            registry=self.registry,
        )
        self.model = Gauge("tusou_model_info", "The model in use.", ("id",), registry=self.registry)
        self.feedback = Counter(
            "tusou_feedback_records",
            "Searches and events given to the event log, by what became of them.",
            ("result",),
            registry=self.registry,
        )

    def observe_stages(self, timings: Mapping[str, float]) -> None:
        """Count the stages of one search; timings are in milliseconds."""
        for stage, milliseconds in timings.items():
            self.stages.labels(stage).observe(milliseconds / 1000)

    def count_feedback(self, result: str, count: int) -> None:
        """Count what became of records given to the event log."""
        self.feedback.labels(result).inc(count)

    def render(self) -> bytes:
        """Everything counted, in Prometheus' text format."""
        return generate_latest(self.registry)
