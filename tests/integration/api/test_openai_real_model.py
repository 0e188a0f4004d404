"""The openai package, the whole platform and a real model: the small one, which is right about nothing but form."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from openai import AsyncOpenAI
from pytest_django.fixtures import Settings

from tests.contracts.engine.conftest import CHAT_MODEL, real
from tests.contracts.engine.test_engine_tools_contract import WEATHER
from tests.integration.api.conftest import ApiSite

pytestmark = [
    pytest.mark.slow,
    pytest.mark.model,
    pytest.mark.django_db(transaction=True, databases=["default", "keys"]),
]


@pytest.fixture
async def client(api_site: ApiSite, settings: Settings) -> AsyncIterator[AsyncOpenAI]:
    settings.ENGINE_TOKEN = "real-model"
    engine = real("engine_llm", CHAT_MODEL, "--models", CHAT_MODEL, "--quick", CHAT_MODEL)
    address = await sync_to_async(engine.__enter__)()
    settings.LLM_URL = f"{address.url}/v1"
    async with AsyncOpenAI(
        base_url=f"{api_site.url}/v1", api_key=api_site.owner.secret, max_retries=0, timeout=90
    ) as found:
        yield found
    await sync_to_async(engine.__exit__)(None, None, None)


async def test_an_assistant_answers_streams_and_calls_tools(client: AsyncOpenAI) -> None:
    ask: Any = [{"role": "user", "content": "What is the weather in Paris?"}]
    create = client.chat.completions.create
    whole = await create(model="default", messages=ask, max_tokens=16, temperature=0, seed=1)
    stream = await create(
        model="default",
        messages=ask,
        max_tokens=16,
        temperature=0,
        seed=1,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]
    told = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert told == whole.choices[0].message.content
    assert chunks[-1].usage is not None
    assert whole.usage is not None
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens
    tool: Any = WEATHER
    called = await create(
        model="default", messages=ask, tools=[tool], tool_choice="required", max_tokens=200, temperature=1.5
    )
    assert called.choices[0].finish_reason == "tool_calls"
    call: Any = (called.choices[0].message.tool_calls or [])[0]
    assert set(json.loads(call.function.arguments)) == {"city", "unit"}
