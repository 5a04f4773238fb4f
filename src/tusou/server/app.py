"""Put the app together: routes, middleware, errors, OpenAPI, and the state behind them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import anyio.to_thread
from fastapi import Depends, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.staticfiles import StaticFiles

from tusou import __version__
from tusou.server import problems
from tusou.server.access import authorize
from tusou.server.idempotency import Idempotency
from tusou.server.middleware import BodyLimit, HostCheck, RequestContext, SameSite
from tusou.server.routes import (
    accounts,
    collection_pages,
    collections,
    events,
    health,
    iiif,
    images,
    judging,
    library,
    management,
    media,
    pages,
    rights,
    saved_searches,
    search,
    submissions,
    suggestions,
)
from tusou.server.state import ServerState

LOOPBACK = ("localhost", "127.0.0.1", "::1")

MODULES = (
    search,
    suggestions,
    images,
    collections,
    saved_searches,
    submissions,
    rights,
    accounts,
    management,
    events,
    judging,
    library,
    health,
    media,
    iiif,
    pages,
)

ROUTERS = (
    *(module.router for module in MODULES),
    judging.pages,
    collections.shared,
    collection_pages.router,
    accounts.pages,
    management.pages,
    submissions.pages,
)

OpenState = Callable[[Path], ServerState]

DESCRIPTION = """\
Search a licensed image library by words and by picture, in Chinese and English.

Errors are `application/problem+json` (RFC 9457) with a stable `code` and the `request_id` that also stands
in the `X-Request-Id` header and in the server's log.

Once a library has accounts, requests carry a key (`Authorization: Bearer …`, or `X-Api-Key`) or the cookie
of a session; without accounts the server listens on its own machine alone.

A POST that carries an `Idempotency-Key` of its own is done once: sent again within a day, it is answered with
what it was answered first (`Idempotency-Replayed: true`).
"""


def create_app(
    library_path: Path, *, hosts: Iterable[str] = LOOPBACK, open_state: OpenState = ServerState.open
) -> FastAPI:
    """Make the app; library and models are opened when it starts and closed when it stops.

    Args:
        library_path: The library folder.
        hosts: Names the server answers to, besides bare addresses.
        open_state: Opens what stands behind the app.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.tusou = state = await anyio.to_thread.run_sync(open_state, library_path)
        try:
            yield
        finally:
            state.close()

    app = FastAPI(
        title="tusou",
        version=__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        openapi_url=problems.DOCUMENT_PATH,
        docs_url=None,  # the stock pages load scripts from a CDN
        redoc_url=None,
        dependencies=[Depends(authorize)],
    )
    for router in ROUTERS:
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=str(files("tusou.server") / "static")), name="static")
    problems.install(app, [route for router in ROUTERS for route in router.routes])
    app.add_middleware(Idempotency)
    app.add_middleware(BodyLimit)
    app.add_middleware(SameSite)
    app.add_middleware(HostCheck, hosts=hosts)
    app.add_middleware(RequestContext)  # outermost: it sees every answer
    app.openapi = partial(_openapi, app)  # type: ignore[method-assign] # the documented way to change it
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    """The framework's document with our one error shape instead of its own."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        schemas = schema["components"]["schemas"]
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        definition = problems.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(definition.pop("$defs"))
        schemas["Problem"] = definition
        app.openapi_schema = schema
    return app.openapi_schema
