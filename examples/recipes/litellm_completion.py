"""LiteLLM: one function for many providers, observed through its own HTTP client.

opentelemetry-instrument python litellm_completion.py
"""

import litellm
from otel_promptcache import prefix

INSTRUCTIONS = "You answer questions about orders, politely and in one sentence. " * 150

for question in ("Where is my order?", "Can I return it?"):
    with prefix("order-questions"):
        reply = litellm.completion(
            model="anthropic/claude-opus-5",
            max_tokens=64,
            messages=[
                {
                    "role": "system",
                    "content": [
                        {"type": "text", "text": INSTRUCTIONS, "cache_control": {"type": "ephemeral"}}
                    ],
                },
                {"role": "user", "content": question},
            ],
        )
    print(reply.choices[0].message.content)
