"""GET /v1/models."""

from __future__ import annotations

from starlette.responses import Response

from otel_promptcache.sim.cache.models import is_known, model_names
from otel_promptcache.sim.http.errors import ApiError
from otel_promptcache.sim.http.exchange import Exchange
from otel_promptcache.sim.http.wire import JsonObject

_CREATED_SECONDS = 1_700_000_000


async def list_models(exchange: Exchange) -> Response:
    """Answer with the models whose names the simulator knows best."""
    return exchange.json({"object": "list", "data": [_model(name) for name in model_names()]})


async def retrieve_model(exchange: Exchange, model: str) -> Response:
    """Answer with one model; ApiError 404 for a name no family matches."""
    if not is_known(model):
        raise ApiError(404, f"The model '{model}' does not exist.", param="model", code="model_not_found")
    return exchange.json(_model(model))


def _model(name: str) -> JsonObject:
    return {"id": name, "object": "model", "created": _CREATED_SECONDS, "owned_by": "simulator"}
