"""The documented calls of people without an SDK."""

import json
import subprocess

import pytest


def curl(gateway, path, body=None, headers=()):
    command = ["curl", "--silent", "--show-error", "--noproxy", "*", "--write-out", "\n%{http_code}"]
    for header in headers:
        command += ["--header", header]
    if body is not None:
        command += ["--header", "content-type: application/json", "--data", json.dumps(body)]
    made = subprocess.run([*command, f"{gateway.url}{path}"], capture_output=True, text=True, check=True, timeout=60)
    text, _, status = made.stdout.rpartition("\n")
    return int(status), text


MESSAGE = {"model": "demo::echo", "max_tokens": 64, "messages": [{"role": "user", "content": "hello there"}]}


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/v1/messages", "/api/v1/messages"])
def test_messages_with_x_api_key_and_anthropic_version(keyed, path):
    headers = [f"x-api-key: {keyed.key}", "anthropic-version: 2023-06-01"]
    status, text = curl(keyed, path, MESSAGE, headers)
    answer = json.loads(text)
    assert status == 200 and answer["type"] == "message" and "hello there" in answer["content"][0]["text"]


def test_a_stream_of_messages(keyed):
    headers = [f"x-api-key: {keyed.key}", "anthropic-version: 2023-06-01"]
    status, text = curl(keyed, "/v1/messages", {**MESSAGE, "stream": True}, headers)
    events = [line.removeprefix("event: ") for line in text.splitlines() if line.startswith("event: ")]
    assert status == 200 and events[0] == "message_start" and events[-1] == "message_stop"


@pytest.mark.parametrize(
    "header", ["authorization: Bearer {}", "x-api-key: {}", "x-goog-api-key: {}", "api-key: {}", "x-to11-authorization: Bearer {}", "x-dragoman-authorization: Bearer {}"]
)
def test_chat_with_the_key_in_every_place(keyed, header):
    status, text = curl(keyed, "/v1/chat/completions", MESSAGE, [header.format(keyed.key)])
    assert status == 200 and "hello there" in json.loads(text)["choices"][0]["message"]["content"]


def test_gemini_with_the_key_in_the_query(keyed):
    body = {"contents": [{"parts": [{"text": "hello there"}]}]}
    status, text = curl(keyed, f"/v1beta/models/demo::echo:generateContent?key={keyed.key}", body)
    assert status == 200 and "hello there" in json.loads(text)["candidates"][0]["content"]["parts"][0]["text"]


def test_without_a_key(keyed):
    status, text = curl(keyed, "/v1/messages", MESSAGE, ["anthropic-version: 2023-06-01"])
    assert status == 401 and json.loads(text)["error"]["type"] == "authentication_error"


def test_models_in_the_shape_of_the_asker(demo):
    listed = json.loads(curl(demo, "/v1/models")[1])
    assert listed["object"] == "list" and listed["data"][0]["object"] == "model"
    listed = json.loads(curl(demo, "/v1/models", headers=["anthropic-version: 2023-06-01"])[1])
    assert listed["has_more"] is False and listed["data"][0]["type"] == "model"
