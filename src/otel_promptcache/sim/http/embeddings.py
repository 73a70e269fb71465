"""POST /v1/embeddings."""

from __future__ import annotations

import array
import base64
import hashlib

from starlette.responses import Response

from otel_promptcache.sim.cache.tokens import count_tokens
from otel_promptcache.sim.http.exchange import Exchange
from otel_promptcache.sim.http.wire import JsonObject

_DIMENSIONS = 8


async def create_embeddings(exchange: Exchange) -> Response:
    """Answer with short vectors that depend only on the text.

    Raises:
        ApiError: 400 for a malformed request.
    """
    model = exchange.model()
    texts = exchange.texts("input")
    tokens = sum(map(count_tokens, texts))
    as_base64 = exchange.body.get("encoding_format") == "base64"
    data: list[JsonObject] = []
    for index, text in enumerate(texts):
        vector = _vector(text)
        embedding = base64.b64encode(array.array("f", vector).tobytes()).decode() if as_base64 else vector
        data.append({"object": "embedding", "index": index, "embedding": embedding})
    usage = exchange.report({"prompt_tokens": tokens, "total_tokens": tokens})
    return exchange.json({"object": "list", "data": data, "model": model.resolved, "usage": usage})


def _vector(text: str) -> list[float]:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_DIMENSIONS).digest()
    return [byte / 255 for byte in digest]
