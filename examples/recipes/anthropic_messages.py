"""Anthropic: the cache is opt-in, so mark the end of what requests share.

opentelemetry-instrument python anthropic_messages.py
"""

from anthropic import Anthropic

from otel_promptcache import prefix

INSTRUCTIONS = "You answer questions about orders, politely and in one sentence. " * 150

client = Anthropic()
for question in ("Where is my order?", "Can I return it?"):
    with prefix("order-questions"):
        reply = client.messages.create(
            model="claude-opus-5",
            max_tokens=64,
            system=[{"type": "text", "text": INSTRUCTIONS, "cache_control": {"type": "ephemeral"}}],
            messages=[{"role": "user", "content": question}],
        )
    print(reply.content[0].text)
