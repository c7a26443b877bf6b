"""The official Google GenAI SDK as a user has it: only the base URL is ours."""

import pytest
from google import genai
from google.genai import errors, types

from samples import CITY_SCHEMA, PDF, PDF_TEXT, PNG, PNG_TEXT

MODEL = "gemini-2.5-flash"
WEATHER = types.Tool(
    function_declarations=[types.FunctionDeclaration(name="get_weather", parameters_json_schema=CITY_SCHEMA)]
)


# A client that nobody holds closes its connections, also under the hands of its own `models`.
CLIENTS = []


def client(gateway, base="", api_key="dragoman", **options):
    http_options = types.HttpOptions(base_url=f"{gateway.url}{base}", **options)
    CLIENTS.append(genai.Client(api_key=api_key, http_options=http_options))
    return CLIENTS[-1]


@pytest.mark.parametrize("base", ["", "/v1", "/api/v1"])
def test_an_answer_with_every_base_url(demo, base):
    answer = client(demo, base).models.generate_content(model=MODEL, contents="hello there")
    assert "hello there" in answer.text
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP
    assert answer.usage_metadata.total_token_count > 0


def test_a_gateway_key_as_api_key(keyed):
    answer = client(keyed, api_key=keyed.key).models.generate_content(model="demo::echo", contents="hello there")
    assert "hello there" in answer.text
    with pytest.raises(errors.ClientError) as raised:
        client(keyed).models.generate_content(model="demo::echo", contents="hello there")
    assert raised.value.code == 401


def test_a_stream(demo):
    chunks = list(client(demo).models.generate_content_stream(model=MODEL, contents="hello there"))
    assert "hello there" in "".join(chunk.text or "" for chunk in chunks)
    assert len(chunks) > 5
    assert chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP


def test_a_system_prompt(demo):
    plain = client(demo).models.generate_content(model=MODEL, contents="hello")
    config = types.GenerateContentConfig(system_instruction="Be brief. " * 40)
    prompted = client(demo).models.generate_content(model=MODEL, contents="hello", config=config)
    assert prompted.usage_metadata.prompt_token_count > plain.usage_metadata.prompt_token_count, "the prompt was read"


def test_a_tools_loop(demo):
    config = types.GenerateContentConfig(tools=[WEATHER])
    question = types.Content(role="user", parts=[types.Part.from_text(text="hello")])
    first = client(demo).models.generate_content(model="demo::tools", contents=[question], config=config)
    call = first.function_calls[0]
    assert (call.name, call.args) == ("get_weather", {"city": "demo"})
    result = types.Part.from_function_response(name=call.name, response={"output": "sunny"})
    contents = [question, first.candidates[0].content, types.Content(role="user", parts=[result])]
    second = client(demo).models.generate_content(model="demo::tools", contents=contents, config=config)
    assert "sunny" in second.text


def test_thinking_comes_to_who_asked_for_it(demo):
    def thoughts(config):
        answer = client(demo).models.generate_content(model="demo::thinking", contents="hello", config=config)
        return [part for part in answer.candidates[0].content.parts if part.thought]

    assert thoughts(types.GenerateContentConfig(thinking_config=types.ThinkingConfig(include_thoughts=True)))
    assert not thoughts(None)


def test_a_picture_and_a_document_reach_an_anthropic_model(translating, anthropic_provider):
    contents = [
        types.Part.from_bytes(data=PNG, mime_type="image/png"),
        types.Part.from_bytes(data=PDF, mime_type="application/pdf"),
        "What is this?",
    ]
    answer = client(translating).models.generate_content(model="claude-sonnet-4-6", contents=contents)
    assert answer.text == "I see it."
    blocks = anthropic_provider.requests[-1]["body"]["messages"][0]["content"]
    sources = [(block["source"]["media_type"], block["source"]["data"]) for block in blocks if "source" in block]
    assert sources == [("image/png", PNG_TEXT), ("application/pdf", PDF_TEXT)]


def test_count_tokens(demo):
    short = client(demo).models.count_tokens(model=MODEL, contents="hello")
    long = client(demo).models.count_tokens(model=MODEL, contents="hello " * 100)
    assert 0 < short.total_tokens < long.total_tokens


def test_embeddings(demo):
    answer = client(demo).models.embed_content(model="gemini-embedding-001", contents=["one", "two"])
    assert len(answer.embeddings) == 2 and len(answer.embeddings[0].values) == 256


def test_models(demo):
    assert "models/demo::echo" in [model.name for model in client(demo).models.list()]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    "model, error, code",
    [("demo::fail-429", errors.ClientError, 429), ("demo::fail-500", errors.ServerError, 502), ("x::m", errors.ClientError, 404)],
)
def test_failures_are_the_sdks_own_errors(demo, model, error, code, streamed):
    with pytest.raises(error) as raised:
        if streamed:
            list(client(demo).models.generate_content_stream(model=model, contents="hello"))
        else:
            client(demo).models.generate_content(model=model, contents="hello")
    assert raised.value.code == code and raised.value.message


def test_a_mistake_is_a_client_error(demo):
    with pytest.raises(errors.ClientError) as raised:
        client(demo).models.generate_content(model=MODEL, contents=[types.Content(role="nobody", parts=[])])
    assert raised.value.code == 400 and raised.value.status == "INVALID_ARGUMENT"


def test_a_stream_that_breaks_off_is_an_error_and_not_a_short_answer(demo):
    with pytest.raises(Exception) as raised:
        list(client(demo).models.generate_content_stream(model="demo::cut", contents="hello"))
    assert not isinstance(raised.value, AssertionError)


@pytest.mark.parametrize("model, requests", [("demo::fail-429", 2), ("x::m", 1)])
def test_the_sdk_repeats_a_rate_limit_where_it_was_told_to(demo, session, model, requests):
    retry = types.HttpRetryOptions(attempts=2, initial_delay=0.1)
    with pytest.raises(errors.ClientError):
        asked = client(demo, retry_options=retry, headers={"x-session-id": session})
        asked.models.generate_content(model=model, contents="hello")
    assert len(demo.made(session, requests)) == requests
