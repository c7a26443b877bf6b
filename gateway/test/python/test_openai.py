"""The official OpenAI SDK as a user has it: only the base URL is ours. Chat and Responses."""

import json

import openai
import pytest
from openai import OpenAI

from samples import CITY_SCHEMA, PDF_TEXT, PNG_TEXT

HELLO = [{"role": "user", "content": "hello there"}]
WEATHER = {"type": "function", "function": {"name": "get_weather", "parameters": CITY_SCHEMA}}
WEATHER_ITEM = {"type": "function", "name": "get_weather", "parameters": CITY_SCHEMA, "strict": False}


def client(gateway, base="/v1", **options):
    return OpenAI(base_url=f"{gateway.url}{base}", **{"api_key": "dragoman", "max_retries": 0, **options})


@pytest.mark.parametrize("base", ["", "/v1", "/v1/", "/api/v1"])
def test_chat_and_responses_with_every_base_url(demo, base):
    completion = client(demo, base).chat.completions.create(model="gpt-4o", messages=HELLO)
    assert "hello there" in completion.choices[0].message.content
    assert completion.choices[0].finish_reason == "stop" and completion.usage.total_tokens > 0
    response = client(demo, base).responses.create(model="gpt-4o", input="hello there")
    assert "hello there" in response.output_text and response.status == "completed"


def test_the_documented_sample_with_a_model_of_anthropic(demo, translating, anthropic_provider):
    sample = {"model": "anthropic/claude-sonnet-4-6", "messages": [{"role": "system", "content": "Be brief."}, *HELLO]}
    assert "hello there" in client(demo).chat.completions.create(**sample).choices[0].message.content
    completion = client(translating).chat.completions.create(**sample)
    assert completion.choices[0].message.content == "I see it."
    assert completion.usage.prompt_tokens == 12 and completion.usage.completion_tokens == 4
    asked = anthropic_provider.requests[-1]
    assert asked["path"].startswith("/v1/messages")
    assert asked["body"]["model"] == "claude-sonnet-4-6"
    assert "Be brief." in json.dumps(asked["body"]["system"])
    assert [message["role"] for message in asked["body"]["messages"]] == ["user"]


def test_a_gateway_key_as_api_key(keyed):
    completion = OpenAI(base_url=f"{keyed.url}/v1", api_key=keyed.key).chat.completions.create(
        model="demo::echo", messages=HELLO
    )
    assert "hello there" in completion.choices[0].message.content
    with pytest.raises(openai.AuthenticationError):
        client(keyed).chat.completions.create(model="demo::echo", messages=HELLO)


def test_a_chat_stream(demo):
    with client(demo).chat.completions.stream(
        model="gpt-4o", messages=HELLO, stream_options={"include_usage": True}
    ) as stream:
        for _ in stream:
            pass
        final = stream.get_final_completion()
    assert "hello there" in final.choices[0].message.content
    assert final.usage.completion_tokens > 0


def test_usage_comes_only_to_who_asked(demo):
    for chunk in client(demo).chat.completions.create(model="gpt-4o", messages=HELLO, stream=True):
        assert chunk.choices and chunk.usage is None


def test_a_responses_stream(demo):
    types = []
    with client(demo).responses.stream(model="gpt-4o", input="hello there") as stream:
        for event in stream:
            types.append(event.type)
        final = stream.get_final_response()
    assert types[0] == "response.created" and types[-1] == "response.completed"
    assert "hello there" in final.output_text


@pytest.mark.parametrize("role", ["system", "developer"])
def test_a_system_prompt(demo, role):
    plain = client(demo).chat.completions.create(model="gpt-4o", messages=HELLO)
    prompted = client(demo).chat.completions.create(
        model="gpt-4o", messages=[{"role": role, "content": "Be brief. " * 40}, *HELLO]
    )
    assert prompted.usage.prompt_tokens > plain.usage.prompt_tokens, "the prompt was read"
    response = client(demo).responses.create(model="gpt-4o", instructions="Be brief. " * 40, input="hello there")
    assert response.usage.input_tokens > plain.usage.prompt_tokens


@pytest.mark.parametrize("streamed", [False, True])
def test_a_tools_loop_in_chat(demo, streamed):
    asked = {"model": "demo::tools", "tools": [WEATHER]}
    if streamed:
        with client(demo).chat.completions.stream(**asked, messages=HELLO) as stream:
            first = stream.get_final_completion()
    else:
        first = client(demo).chat.completions.create(**asked, messages=HELLO)
    choice = first.choices[0]
    assert choice.finish_reason == "tool_calls"
    call = choice.message.tool_calls[0]
    assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", {"city": "demo"})
    said = {"role": "assistant", "tool_calls": [{"id": call.id, "type": "function", "function": {"name": call.function.name, "arguments": call.function.arguments}}]}
    second = client(demo).chat.completions.create(
        **asked, messages=[*HELLO, said, {"role": "tool", "tool_call_id": call.id, "content": "sunny"}]
    )
    assert "sunny" in second.choices[0].message.content


def test_a_tools_loop_in_responses(demo):
    asked = {"model": "demo::tools", "tools": [WEATHER_ITEM]}
    first = client(demo).responses.create(**asked, input="hello there")
    call = next(item for item in first.output if item.type == "function_call")
    output = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
    second = client(demo).responses.create(**asked, input=[*HELLO, *first.output, output])
    assert "sunny" in second.output_text


def test_reasoning_in_responses(demo):
    response = client(demo).responses.create(model="demo::thinking", input="hello", reasoning={"effort": "low", "summary": "auto"})
    reasoning = next(item for item in response.output if item.type == "reasoning")
    assert "demo" in reasoning.summary[0].text


def test_a_picture_and_a_document_in_chat_reach_an_anthropic_model(translating, anthropic_provider):
    content = [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG_TEXT}"}},
        {"type": "file", "file": {"filename": "page.pdf", "file_data": f"data:application/pdf;base64,{PDF_TEXT}"}},
        {"type": "text", "text": "What is this?"},
    ]
    completion = client(translating).chat.completions.create(
        model="anthropic/claude-sonnet-4-6", messages=[{"role": "user", "content": content}]
    )
    assert completion.choices[0].message.content == "I see it."
    check_media(anthropic_provider.requests[-1]["body"])


def test_a_picture_and_a_document_in_responses_reach_an_anthropic_model(translating, anthropic_provider):
    content = [
        {"type": "input_image", "image_url": f"data:image/png;base64,{PNG_TEXT}", "detail": "auto"},
        {"type": "input_file", "filename": "page.pdf", "file_data": f"data:application/pdf;base64,{PDF_TEXT}"},
        {"type": "input_text", "text": "What is this?"},
    ]
    response = client(translating).responses.create(
        model="claude-sonnet-4-6", input=[{"role": "user", "content": content}]
    )
    assert response.output_text == "I see it."
    check_media(anthropic_provider.requests[-1]["body"])


def check_media(body):
    """The same picture and the same document, as Anthropic's API takes them."""
    sources = [block["source"] for block in body["messages"][0]["content"] if "source" in block]
    assert [(source["type"], source["media_type"], source["data"]) for source in sources] == [
        ("base64", "image/png", PNG_TEXT),
        ("base64", "application/pdf", PDF_TEXT),
    ]


def test_embeddings(demo):
    answer = client(demo).embeddings.create(model="text-embedding-3-small", input=["one", "two"])
    assert len(answer.data) == 2 and len(answer.data[0].embedding) == 256
    assert abs(sum(value * value for value in answer.data[0].embedding) - 1) < 1e-3
    assert answer.data[0].embedding != answer.data[1].embedding


def test_embeddings_of_an_anthropic_model_are_refused(translating):
    with pytest.raises(openai.BadRequestError):
        client(translating).embeddings.create(model="claude-sonnet-4-6", input="one")


def test_models(demo, translating):
    assert "demo::echo" in [model.id for model in client(demo).models.list()]
    model = client(translating).models.retrieve("claude-sonnet-4-6")
    assert (model.id, model.owned_by, model.created) == ("claude-sonnet-4-6", "anthropic", 0)


FAILURES = [
    ("demo::fail-429", openai.RateLimitError, 429),
    ("demo::fail-500", openai.InternalServerError, 502),
    ("x::m", openai.NotFoundError, 404),
]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("model, error, status", FAILURES)
def test_failures_are_the_sdks_own_errors(demo, model, error, status, streamed):
    for call in (
        lambda: client(demo).chat.completions.create(model=model, messages=HELLO, stream=streamed),
        lambda: client(demo).responses.create(model=model, input="hello", stream=streamed),
    ):
        with pytest.raises(error) as raised:
            call()
        assert raised.value.status_code == status
        assert raised.value.request_id.startswith("req_")
        assert raised.value.body["message"]


def test_a_mistake_is_a_bad_request_that_names_the_parameter(demo):
    with pytest.raises(openai.BadRequestError) as raised:
        client(demo).chat.completions.create(model="gpt-4o", messages="hello")
    assert raised.value.param == "messages"


def test_a_stream_that_breaks_off_is_an_error_and_not_a_short_answer(demo):
    with pytest.raises(openai.APIError):
        for _ in client(demo).chat.completions.create(model="demo::cut", messages=HELLO, stream=True):
            pass
    types = [event.type for event in client(demo).responses.create(model="demo::cut", input="hello", stream=True)]
    assert types[-1] == "response.failed"


@pytest.mark.parametrize("model, requests", [("demo::fail-429", 2), ("demo::fail-500", 1), ("x::m", 1)])
def test_the_sdk_repeats_what_may_pass_and_not_what_the_gateway_has_repeated(demo, session, model, requests):
    with pytest.raises(openai.APIStatusError):
        client(demo, max_retries=1, default_headers={"x-session-id": session}).chat.completions.create(model=model, messages=HELLO)
    assert len(demo.made(session, requests)) == requests
