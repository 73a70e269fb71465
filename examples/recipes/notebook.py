"""Cells for Jupyter: instrument once, look at the spans in the notebook itself, no backend."""

# %% The first cell, once for each kernel
from openai import OpenAI
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import otel_promptcache

spans = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(provider)
otel_promptcache.instrument()

# %% Ask; run this cell as often as you like
client = OpenAI()
instructions = "You answer questions about orders, politely and in one sentence. " * 150
for question in ("Where is my order?", "Can I return it?"):
    with otel_promptcache.prefix("notebook"):
        client.responses.create(model="gpt-5.4", instructions=instructions, input=question)

# %% What the cache did
for span in spans.get_finished_spans():
    seen = span.attributes
    read, all_tokens = seen["gen_ai.usage.cache_read.input_tokens"], seen["gen_ai.usage.input_tokens"]
    print(f"{seen['promptcache.result']}: {read:,} of {all_tokens:,} tokens from the cache")
