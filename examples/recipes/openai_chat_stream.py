"""A chat stream that requests its usage; without `include_usage` it does not report what was read from the cache.

opentelemetry-instrument python openai_chat_stream.py
"""

from openai import OpenAI

from otel_promptcache import prefix

INSTRUCTIONS = "You answer questions about orders, politely and in one sentence. " * 150

client = OpenAI()
for question in ("Where is my order?", "Can I return it?"):
    with prefix("order-questions"):
        stream = client.chat.completions.create(
            model="gpt-5.4",
            messages=[{"role": "system", "content": INSTRUCTIONS}, {"role": "user", "content": question}],
            stream=True,
            stream_options={"include_usage": True},
        )
        for chunk in stream:
            for choice in chunk.choices:
                print(choice.delta.content or "", end="")
    print()
