"""Puts the HTTP surface together: the vendor's routes and the admin's, and the gate around them."""

import traceback

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp

from tokenfactory_simulator import admin, api, inference
from tokenfactory_simulator.errors import ApiError, InvalidError, error_body
from tokenfactory_simulator.gate import Gate
from tokenfactory_simulator.perform import Late
from tokenfactory_simulator.simulator import Simulator


def create_app(simulator: Simulator, *, admin_token: str | None = None) -> ASGIApp:
    """The application to serve; with an `admin_token` the admin API asks for it as a bearer token."""
    app = FastAPI(
        title="Token Factory simulator",
        openapi_url=None,  # the vendor's host serves no schema at these paths, so they are 404 here too
        redirect_slashes=False,
    )
    app.state.simulator = simulator
    app.state.admin_token = admin_token
    app.add_exception_handler(ApiError, _refused)
    app.add_exception_handler(Late, _late)
    app.add_exception_handler(Exception, _defect)
    # Not include_router: that completes its routes with the first request, and for this switches the process's warning
    # filters, which are every thread's. Where warnings are errors and another thread switched them meanwhile, the
    # answer was 500. These routes are complete since their modules were imported.
    app.router.routes += [*api.router.routes, *inference.router.routes, *admin.router.routes]
    return Gate(app, simulator)


async def _refused(request: Request, error: Exception) -> Response:
    if isinstance(error, InvalidError):
        return JSONResponse({"detail": error.problems}, 422)
    if not isinstance(error, ApiError):
        raise error
    simulator: Simulator = request.app.state.simulator
    content_type, body = error_body(simulator.settings.error_form, error.status, error.message, error.kind)
    return Response(body, error.status, media_type=content_type)


async def _late(_request: Request, _error: Exception) -> Response:
    """Nobody reads it: the gate cuts the connection or answers the scripted status."""
    return Response(status_code=202)


async def _defect(_request: Request, error: Exception) -> Response:
    """A fault of the simulator's own: who called is told where, since nobody looks for the log of a passing test."""
    return PlainTextResponse("".join(traceback.format_exception(error)), 500)
