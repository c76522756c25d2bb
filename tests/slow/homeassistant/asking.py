"""Runs on Home Assistant's own Python: asks its websocket one question after another. URL, token, questions as JSON."""

from __future__ import annotations

import asyncio
import json
import sys

import aiohttp


async def ask(url: str, token: str, questions: list[dict[str, object]]) -> list[object]:
    answers = []
    async with aiohttp.ClientSession() as session, session.ws_connect(url, max_msg_size=0) as ws:
        await ws.receive_json()
        await ws.send_json({"type": "auth", "access_token": token})
        assert (await ws.receive_json())["type"] == "auth_ok"
        for number, question in enumerate(questions, 1):
            await ws.send_json({"id": number, **question})
            answer = await ws.receive_json()
            assert answer["success"], answer
            answers.append(answer["result"])
    return answers


print(json.dumps(asyncio.run(asyncio.wait_for(ask(sys.argv[1], sys.argv[2], json.loads(sys.argv[3])), 20))))
