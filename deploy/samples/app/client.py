"""Asks the endpoint. OPENAI_BASE_URL and OPENAI_MODEL come from the ConfigMap, OPENAI_API_KEY from a Secret."""

import os

from openai import OpenAI

client = OpenAI()
question = {"role": "user", "content": "Say hello."}
for chunk in client.chat.completions.create(model=os.environ["OPENAI_MODEL"], messages=[question], stream=True):
    print(chunk.choices[0].delta.content or "", end="", flush=True)
print()
