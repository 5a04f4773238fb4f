"""Errors on the wire: one table from exception to status, one shape (RFC 9457 problem+json)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match

from tusou import errors

logger = logging.getLogger(__name__)

PROBLEM_JSON = "application/problem+json"
DOCUMENT_PATH = "/api/v1/openapi.json"

STATUS: Mapping[type[errors.TusouError], int] = {
    errors.TusouError: 500,
    errors.ConfigError: 500,
    errors.CatalogError: 500,
    errors.ImageNotFound: 404,
    errors.SupplierNotFound: 404,
    errors.UnknownLicense: 422,
    errors.LibraryNotFound: 503,
    errors.LibraryLocked: 503,
    errors.LibraryCorrupt: 503,
    errors.StorageFull: 507,
    errors.SourceError: 422,
    errors.FetchError: 422,
    errors.DecodeError: 422,
    errors.UnsupportedFormat: 415,
    errors.ImageTooLarge: 413,
    errors.BundleError: 503,
    errors.EncoderError: 500,
    errors.VectorIndexError: 503,
    errors.QueryError: 422,
    errors.FeedbackError: 422,
    errors.FeedbackBusy: 503,
    errors.OfficeError: 422,
    errors.NotHere: 404,
    errors.Conflict: 409,
    errors.Expired: 410,
    errors.NotAllowed: 403,
    errors.RuleError: 422,
    errors.EvaluationError: 500,
}
"""Exception class to HTTP status; a class that is not listed takes its base's."""

HTTP_CODES: Mapping[int, str] = {
    400: "bad_request",
    401: "sign_in_needed",
    403: "forbidden",
    409: "changed_meanwhile",
    410: "expired",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    421: "unknown_host",
    422: "invalid_parameters",
    429: "too_many_requests",
    500: "internal_error",
    503: "not_ready",
}
"""Code of errors that come from HTTP itself, not from an exception of tusou."""


class Fault(BaseModel):
    """One wrong input."""

    location: str = Field(description="Where it stands, such as `query.per_page`.")
    message: str = Field(description="What was expected and what came.")


class Problem(BaseModel):
    """An error, as RFC 9457 describes it, with a stable code and the request's id."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "about:blank",
                "title": "Not Found",
                "status": 404,
                "detail": "no image with id 'abc'; ids stand in the field `id` of a search result",
                "code": "image_not_found",
                "request_id": "3f0c8a5e9d4b4a0c",
                "errors": [],
            }
        }
    )

    type: str = Field(default="about:blank", description="Always `about:blank`; read `code`.")
    title: str = Field(description="Name of the status.")
    status: int = Field(description="HTTP status.")
    detail: str = Field(description="What was expected, what came, what to do.")
    code: str = Field(description="Machine-readable cause, listed in docs/reference/errors.md.")
    request_id: str = Field(description="Also in the X-Request-Id header and the server's log.")
    errors: list[Fault] = Field(default_factory=list, description="Each wrong input, when there are any.")


def status_of(error: errors.TusouError) -> int:
    """HTTP status of an error: its class's, or the nearest listed base's."""
    return next(STATUS[cls] for cls in type(error).__mro__ if cls in STATUS)


def problem(
    scope: Mapping[str, Any],
    status: int,
    detail: str,
    *,
    code: str = "",
    faults: Sequence[Fault] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Build the answer for an error.

    Args:
        scope: ASGI scope of the request, for its id.
        status: HTTP status.
        detail: What was expected, what came, what to do.
        code: Machine-readable cause; the status's own when empty.
        faults: Single wrong inputs.
        headers: Further headers.
    """
    body = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=code or HTTP_CODES.get(status, "http_error"),
        request_id=scope.get("state", {}).get("request_id", ""),
        errors=list(faults),
    )
    return JSONResponse(jsonable_encoder(body), status, headers=headers, media_type=PROBLEM_JSON)


async def _on_tusou_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, errors.TusouError)
    status = status_of(error)
    if status >= 500:
        logger.error("%s: %s", error.reason, error)
    headers = {"retry-after": "1"} if status == 503 else None
    return problem(request.scope, status, str(error), code=error.reason, headers=headers)


async def _on_http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    detail = error.detail
    if detail == HTTPStatus(error.status_code).phrase:  # the framework's own words say too little
        detail = f"{request.method} {request.url.path}: {detail}"
    return problem(request.scope, error.status_code, detail, headers=error.headers)


async def _on_invalid_request(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = [
        Fault(location=".".join(str(part) for part in item["loc"]), message=_message_of(item))
        for item in error.errors()
    ]
    detail = "; ".join(f"{fault.location}: {fault.message}" for fault in faults[:5])
    return problem(request.scope, 422, detail, faults=faults)


def _message_of(item: Mapping[str, Any]) -> str:
    """What was expected and what came, where the validator's own words say too little."""
    kind, message = item["type"], str(item["msg"])
    if kind == "extra_forbidden":
        return f"there is no such input; the names stand in {DOCUMENT_PATH}"
    if kind == "json_invalid":
        return f"the body is not valid JSON: {item['ctx']['error']}"
    if kind == "string_pattern_mismatch":
        return f"{str(item['input'])[:80]!r} has the wrong form; {DOCUMENT_PATH} says what is expected"
    return message


def install(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    """Make every error of the app a problem+json answer.

    Args:
        app: The app.
        routes: Its routes, one per method, of which the Allow header of a 405 is made.
    """

    async def on_wrong_method(request: Request, _: Exception) -> JSONResponse:
        matching = [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]
        methods = {method for route in matching for method in getattr(route, "methods", ())}
        detail = f"{request.url.path} does not take {request.method}"
        return problem(request.scope, 405, detail, headers={"allow": ", ".join(sorted(methods))})

    app.add_exception_handler(405, on_wrong_method)
    app.add_exception_handler(errors.TusouError, _on_tusou_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI entries for the errors a route may answer with, besides 401, 403, 422 and 429."""
    content = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": content}
        for status in sorted({401, 403, 422, 429, *statuses})
    }
