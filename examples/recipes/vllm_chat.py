"""vLLM: start it with `--enable-prompt-tokens-details`, or it reports no cached tokens, and name its host.

export OPENAI_BASE_URL=http://vllm:8000/v1 OPENAI_API_KEY=any
export OTEL_PYTHON_PROMPTCACHE_HOSTS='{"vllm:8000": "vllm"}'
opentelemetry-instrument python vllm_chat.py
"""

from openai import OpenAI

from otel_promptcache import prefix

INSTRUCTIONS = "You answer questions about orders, politely and in one sentence. " * 150

client = OpenAI()
for question in ("Where is my order?", "Can I return it?"):
    with prefix("order-questions"):
        reply = client.chat.completions.create(
            model="meta-llama/Llama-3.3-70B-Instruct",
            messages=[{"role": "system", "content": INSTRUCTIONS}, {"role": "user", "content": question}],
        )
    print(reply.choices[0].message.content)
