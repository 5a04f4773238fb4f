"""Whether the server lives, whether it can answer, and what it has counted."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from tusou.server.problems import responses
from tusou.server.schemas import Health, Readiness
from tusou.server.state import State

router = APIRouter(tags=["health"])


@router.get("/healthz", response_model=Health, operation_id="healthz", summary="Liveness")
@router.get("/livez", response_model=Health, operation_id="livez", summary="Liveness")
async def livez() -> JSONResponse:
    """The event loop answers; nothing else is checked."""
    return JSONResponse({"status": "ok"})


@router.get(
    "/readyz",
    response_model=Readiness,
    responses=responses(503),
    operation_id="readyz",
    summary="Readiness",
)
async def readyz(state: State) -> JSONResponse:
    """Index open and model warm; 503 while starting and from the moment the server is told to stop."""
    if not state.ready:
        raise HTTPException(503, "the server is starting or stopping; ask again in a second")
    model = state.engine.encoder.model_id
    return JSONResponse({"status": "ready", "images": len(state.engine.index), "model": model})


@router.get(
    "/metrics",
    responses=responses(),
    operation_id="metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
)
async def metrics(state: State) -> Response:
    """Counters in Prometheus' text format."""
    state.metrics.documents.set(len(state.engine.index))
    return Response(state.metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")
