"""Azure OpenAI: the client identifies the provider, so Azure's prices and rules apply.

export AZURE_OPENAI_ENDPOINT=https://example.openai.azure.com AZURE_OPENAI_API_KEY=…
opentelemetry-instrument python azure_chat.py
"""

from openai import AzureOpenAI

from otel_promptcache import prefix

INSTRUCTIONS = "You answer questions about orders, politely and in one sentence. " * 150

client = AzureOpenAI(api_version="2024-10-21")
for question in ("Where is my order?", "Can I return it?"):
    with prefix("order-questions"):
        reply = client.chat.completions.create(
            model="gpt-4.1",  # the name of your deployment
            messages=[{"role": "system", "content": INSTRUCTIONS}, {"role": "user", "content": question}],
        )
    print(reply.choices[0].message.content)
