"""A local, OpenAI-compatible provider with a faithful model of prompt caching.

Nothing leaves the machine and no key is needed. `Simulator` runs it alongside a test, `serve` standalone.
"""

from otel_promptcache.sim.cache.clock import Clock, ManualClock, SystemClock
from otel_promptcache.sim.cache.tokens import count_tokens, filler_text
from otel_promptcache.sim.config import SimConfig
from otel_promptcache.sim.faults import FAULT_HEADER, FAULTS, Fault, FaultRule
from otel_promptcache.sim.http.recording import RecordedRequest
from otel_promptcache.sim.http.server import create_app
from otel_promptcache.sim.servers.profiles import SERVERS, ServerName
from otel_promptcache.sim.servers.reporting import PROFILES, Profile
from otel_promptcache.sim.simulator import Simulator, serve

__all__ = [
    "FAULTS",
    "FAULT_HEADER",
    "PROFILES",
    "SERVERS",
    "Clock",
    "Fault",
    "FaultRule",
    "ManualClock",
    "Profile",
    "RecordedRequest",
    "ServerName",
    "SimConfig",
    "Simulator",
    "SystemClock",
    "count_tokens",
    "create_app",
    "filler_text",
    "serve",
]
