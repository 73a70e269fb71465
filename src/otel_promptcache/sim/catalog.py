"""GET /v1/models."""

from __future__ import annotations

from starlette.responses import Response

from otel_promptcache.sim.http.errors import ApiError
from otel_promptcache.sim.http.exchange import Exchange
from otel_promptcache.sim.http.wire import JsonObject

_CREATED_SECONDS = 1_700_000_000


async def list_models(exchange: Exchange) -> Response:
    """Answer with the models that the server offers."""
    return exchange.json(
        {"object": "list", "data": [_model(name) for name in exchange.engine.server.model_names()]}
    )


async def retrieve_model(exchange: Exchange, model: str) -> Response:
    """Answer with one model; ApiError 404 if it is unknown."""
    if not exchange.engine.server.knows(model):
        raise ApiError(404, f"The model '{model}' does not exist.", param="model", code="model_not_found")
    return exchange.json(_model(model))


def _model(name: str) -> JsonObject:
    return {"id": name, "object": "model", "created": _CREATED_SECONDS, "owned_by": "simulator"}
