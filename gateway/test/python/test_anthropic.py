"""The official Anthropic SDK as a user has it: only the base URL is ours."""

import anthropic
import pytest
from anthropic import Anthropic

from samples import CITY_SCHEMA, PDF_TEXT, PNG_TEXT

MODEL = "claude-sonnet-4-6"
HELLO = [{"role": "user", "content": "hello there"}]
WEATHER = {"name": "get_weather", "description": "The weather of a city.", "input_schema": CITY_SCHEMA}


def client(gateway, base="", **options):
    return Anthropic(base_url=f"{gateway.url}{base}", **{"api_key": "dragoman", "max_retries": 0, **options})


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


@pytest.mark.parametrize("base", ["", "/", "/v1", "/api/v1"])
def test_a_message_with_every_base_url(demo, base):
    message = client(demo, base).messages.create(model=MODEL, max_tokens=100, messages=HELLO)
    assert "hello there" in text_of(message)
    assert message.stop_reason == "end_turn"
    assert message.usage.input_tokens > 0 and message.usage.output_tokens > 0
    assert message._request_id.startswith("req_")


def test_the_documented_sample_with_the_headers_of_to11(keyed):
    sample = Anthropic(
        base_url=f"{keyed.url}/v1",
        api_key="dragoman",
        default_headers={"x-to11-authorization": f"Bearer {keyed.key}", "x-to11-project-id": "default"},
    )
    message = sample.messages.create(model="demo::echo", max_tokens=100, messages=HELLO)
    assert "hello there" in text_of(message)


def test_a_project_that_is_not_the_keys_is_forbidden(keyed):
    headers = {"x-to11-authorization": f"Bearer {keyed.key}", "x-to11-project-id": "elsewhere"}
    with pytest.raises(anthropic.PermissionDeniedError):
        client(keyed, "/v1", default_headers=headers).messages.create(model="demo::echo", max_tokens=9, messages=HELLO)


def test_the_documented_sample_with_the_host_root_and_a_gateway_key(keyed):
    message = Anthropic(base_url=keyed.url, api_key=keyed.key).messages.create(
        model="demo::echo", max_tokens=100, messages=HELLO
    )
    assert "hello there" in text_of(message)


def test_no_gateway_key_where_one_is_needed(keyed):
    with pytest.raises(anthropic.AuthenticationError) as raised:
        client(keyed, max_retries=2).messages.create(model="demo::echo", max_tokens=9, messages=HELLO)
    assert "dgm_" in str(raised.value)


def test_a_stream(demo):
    with client(demo).messages.stream(model=MODEL, max_tokens=100, messages=HELLO) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == text_of(final) and "hello there" in text
    assert final.stop_reason == "end_turn" and final.usage.output_tokens > 0


def test_a_system_prompt(demo):
    plain = client(demo).messages.create(model=MODEL, max_tokens=100, messages=HELLO)
    prompted = client(demo).messages.create(
        model=MODEL,
        max_tokens=100,
        system=[{"type": "text", "text": "Be brief. " * 40, "cache_control": {"type": "ephemeral"}}],
        messages=HELLO,
    )
    assert prompted.usage.input_tokens > plain.usage.input_tokens, "the prompt was read"


@pytest.mark.parametrize("streamed", [False, True])
def test_a_tools_loop(demo, streamed):
    asked = {"model": "demo::tools", "max_tokens": 200, "tools": [WEATHER]}
    if streamed:
        with client(demo).messages.stream(**asked, messages=HELLO) as stream:
            first = stream.get_final_message()
    else:
        first = client(demo).messages.create(**asked, messages=HELLO)
    assert first.stop_reason == "tool_use"
    call = next(block for block in first.content if block.type == "tool_use")
    assert (call.name, call.input) == ("get_weather", {"city": "demo"})
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}
    second = client(demo).messages.create(
        **asked, messages=[*HELLO, {"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
    )
    assert "sunny" in text_of(second)


@pytest.mark.parametrize("streamed", [False, True])
def test_thinking(demo, streamed):
    asked = {
        "model": "demo::thinking",
        "max_tokens": 2000,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "messages": HELLO,
    }
    if streamed:
        with client(demo).messages.stream(**asked) as stream:
            message = stream.get_final_message()
    else:
        message = client(demo).messages.create(**asked)
    assert [block.type for block in message.content] == ["thinking", "text"]
    assert message.content[0].thinking


def test_a_picture_and_a_document_pass_as_they_are(translating, anthropic_provider):
    content = [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG_TEXT}},
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF_TEXT}},
        {"type": "text", "text": "What is this?"},
    ]
    message = client(translating).messages.create(
        model=MODEL, max_tokens=50, messages=[{"role": "user", "content": content}]
    )
    assert text_of(message) == "I see it."
    asked = anthropic_provider.requests[-1]
    assert asked["body"]["messages"] == [{"role": "user", "content": content}]
    assert asked["headers"]["x-api-key"] == "sk-ant-managed"


@pytest.mark.parametrize("kind", ["image", "document"])
def test_the_demo_takes_pictures_and_documents(demo, kind):
    source = {
        "image": {"type": "base64", "media_type": "image/png", "data": PNG_TEXT},
        "document": {"type": "base64", "media_type": "application/pdf", "data": PDF_TEXT},
    }[kind]
    content = [{"type": kind, "source": source}, {"type": "text", "text": "What is this?"}]
    message = client(demo).messages.create(model=MODEL, max_tokens=50, messages=[{"role": "user", "content": content}])
    assert "What is this?" in text_of(message)


def test_count_tokens(demo, translating):
    short = client(demo).messages.count_tokens(model=MODEL, messages=HELLO)
    long = client(demo).messages.count_tokens(model=MODEL, messages=[{"role": "user", "content": "hello " * 100}])
    assert 0 < short.input_tokens < long.input_tokens
    assert client(translating).messages.count_tokens(model=MODEL, messages=HELLO).input_tokens == 5, "the provider's own"


def test_models(demo):
    ids = [model.id for model in client(demo).models.list(limit=1000)]
    assert "demo::echo" in ids
    assert client(demo).models.retrieve("demo::echo").id == "demo::echo"


FAILURES = [
    ("demo::fail-429", anthropic.RateLimitError, 429),
    ("demo::fail-500", anthropic.InternalServerError, 502),
    ("x::m", anthropic.NotFoundError, 404),
]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("model, error, status", FAILURES)
def test_failures_are_the_sdks_own_errors(demo, model, error, status, streamed):
    with pytest.raises(error) as raised:
        client(demo).messages.create(model=model, max_tokens=9, messages=HELLO, stream=streamed)
    assert raised.value.status_code == status
    assert raised.value.request_id.startswith("req_")
    assert raised.value.body["type"] == "error" and raised.value.body["error"]["message"]


def test_a_mistake_is_a_bad_request_that_names_it(demo):
    with pytest.raises(anthropic.BadRequestError, match="messages"):
        client(demo).messages.create(model=MODEL, max_tokens=9, messages="hello")


def test_a_stream_that_breaks_off_is_an_error_and_not_a_short_answer(demo):
    with pytest.raises(anthropic.APIError):
        with client(demo).messages.stream(model="demo::cut", max_tokens=9, messages=HELLO) as stream:
            stream.get_final_message()


@pytest.mark.parametrize("model, requests", [("demo::fail-429", 2), ("demo::fail-500", 1), ("x::m", 1)])
def test_the_sdk_repeats_what_may_pass_and_not_what_the_gateway_has_repeated(demo, session, model, requests):
    with pytest.raises(anthropic.APIStatusError):
        client(demo, max_retries=1, default_headers={"x-session-id": session}).messages.create(model=model, max_tokens=9, messages=HELLO)
    assert len(demo.made(session, requests)) == requests
