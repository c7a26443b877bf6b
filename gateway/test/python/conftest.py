import uuid

import pytest

from gateways import Gateway, create_key
from providers import Provider


@pytest.fixture(scope="session")
def demo():
    """What a newcomer starts: no file, no keys, the demo."""
    gateway = Gateway()
    yield gateway
    gateway.stop()


@pytest.fixture(scope="session")
def keyed():
    """A gateway that answers only to its own key, which is `keyed.key`."""
    key, entry = create_key("ci")
    gateway = Gateway(f"require_keys: true\nkeys:\n  {entry}\n")
    gateway.key = key
    yield gateway
    gateway.stop()


@pytest.fixture(scope="session")
def anthropic_provider():
    provider = Provider()
    yield provider
    provider.stop()


@pytest.fixture(scope="session")
def translating(anthropic_provider):
    """A gateway whose only models are an Anthropic provider's: what other formats send has to be translated."""
    config = (
        "providers:\n"
        f"  anthropic: {{ base_url: {anthropic_provider.url}, credential: 'env::PROVIDER_KEY', models: [claude-sonnet-4-6] }}\n"
    )
    gateway = Gateway(config, {"PROVIDER_KEY": "sk-ant-managed"})
    yield gateway
    gateway.stop()


@pytest.fixture
def session():
    """A name under which a test finds the records of its own requests."""
    return f"python-{uuid.uuid4()}"


def pytest_terminal_summary(terminalreporter):
    """One more line, in the form that the other tiers end with."""
    stats = terminalreporter.stats
    failed = len(stats.get("failed", [])) + len(stats.get("error", []))
    terminalreporter.write_line(f"{len(stats.get('passed', []))} passed, {failed} failed")
