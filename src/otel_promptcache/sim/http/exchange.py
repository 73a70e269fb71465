"""One request on its way through the simulated provider."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace
from typing import Any

from otel_promptcache.sim.cache.caching_fields import CachingFields
from otel_promptcache.sim.cache.prompt import Prompt
from otel_promptcache.sim.engine import Admission, Engine, Model
from otel_promptcache.sim.faults import Fault
from otel_promptcache.sim.http.answers import Answer
from otel_promptcache.sim.http.delivery import EventStreamAnswer, JsonAnswer
from otel_promptcache.sim.http.errors import invalid_type, missing_parameter
from otel_promptcache.sim.http.recording import RecordedRequest
from otel_promptcache.sim.http.sse import ServerEvent, encode_events
from otel_promptcache.sim.http.usage import spoil
from otel_promptcache.sim.http.wire import JsonObject, as_int, as_list


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request that passed authentication, with the provider that serves it.

    Attributes:
        engine: The provider.
        record: The request, as kept for inspection.
        body: Its JSON object.
        organization: The one whose cache and responses it sees.
        deployment: The Azure deployment in its path; None without one.
        is_azure: Whether it came in on an Azure path.
    """

    engine: Engine
    record: RecordedRequest
    body: JsonObject
    organization: str
    deployment: str | None = None
    is_azure: bool = False

    @property
    def faults(self) -> frozenset[Fault]:
        """The faults that hit the request."""
        return self.record.faults

    def model(self) -> Model:
        """Return the requested model; see `Engine.model`."""
        return self.engine.model(self.body, self.deployment)

    def admit(self, model: Model, prompt: Prompt, caching: CachingFields) -> Admission:
        """Accept the prompt and read the cache for it."""
        tier = self.engine.service_tier(self.body, self.faults)
        admission = self.engine.admit(self.organization, model, tier, prompt, caching, self.faults)
        self.record.cache = replace(admission.read, writes=())
        return admission

    def limited(self, answer: Answer, *limit_fields: str) -> Answer:
        """Return an answer cut to the request's output limit.

        Args:
            answer: What the model would say.
            limit_fields: Request fields that limit the output, hidden reasoning included; the first one
                that is set applies.
        """
        if "incomplete" in self.faults:
            return answer.cut(len(answer.pieces) // 2)
        limits = (as_int(self.body.get(name)) for name in limit_fields)
        limit = next((one for one in limits if one is not None), None)
        return answer if limit is None else answer.cut(max(0, limit - self.engine.config.reasoning_tokens))

    def texts(self, field: str) -> list[str]:
        """Return a required field with one text or several; ApiError 400 for anything else."""
        value: Any = self.body.get(field)
        if value is None:
            raise missing_parameter(field)
        values = [value] if isinstance(value, str) else as_list(value)
        if not values or not all(isinstance(one, str) for one in values):
            raise invalid_type(field, "a string or a non-empty array of strings")
        return values

    def report(self, usage: JsonObject) -> Any:
        """Return the usage as this request gets it, and record it."""
        self.record.usage = spoil(usage, self.faults)
        return self.record.usage

    def json(self, payload: Any, status_code: int = 200) -> JsonAnswer:
        """Return a JSON answer."""
        return JsonAnswer(payload, self.record, status_code, keeps_alive=self.engine.server.keeps_alive)

    def stream(
        self, events: AsyncGenerator[ServerEvent, None], error_event: Callable[[int], ServerEvent]
    ) -> EventStreamAnswer:
        """Return a streamed answer; the arguments are those of `encode_events`."""
        chunks = encode_events(events, self.record, error_event, keeps_alive=self.engine.server.keeps_alive)
        return EventStreamAnswer(chunks, self.record)
