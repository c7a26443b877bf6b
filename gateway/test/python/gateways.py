"""Gateways to test against: real processes, started as a user starts them, with the records that they write."""

import json
import os
import subprocess
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
START_SECONDS = 120
RECORD_SECONDS = 10


def _environment(home, more):
    # Keys of providers in the environment would switch the demo off, proxies would stand in between.
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.endswith(("_API_KEY", "_PROXY", "_proxy")) and not name.startswith("DRAGOMAN_")
    }
    return {**kept, "HOME": home, "XDG_CONFIG_HOME": home, **more}


class Gateway:
    """A running gateway: `url` is its root, `records` are its exchanges so far."""

    def __init__(self, config=None, environment=None):
        self._home = tempfile.TemporaryDirectory(prefix="dragoman-python-")
        arguments = ["node", str(ROOT / "start.mjs"), "start", "--port", "0"]
        if config is not None:
            file = Path(self._home.name) / "gateway.yaml"
            file.write_text(config)
            arguments += ["--config", str(file)]
        self._process = subprocess.Popen(
            arguments,
            cwd=self._home.name,
            env=_environment(self._home.name, environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.records = []
        self._started = threading.Event()
        self.url = ""
        threading.Thread(target=self._read, daemon=True).start()
        if not self._started.wait(START_SECONDS) or not self.url:
            self.stop()
            raise RuntimeError("the gateway did not start")

    def _read(self):
        for line in self._process.stdout:
            try:
                said = json.loads(line)
            except ValueError:
                continue
            if said.get("event") == "started":
                self.url = said["url"]
                self._started.set()
            elif said.get("type") == "exchange":
                self.records.append(said)
        self._started.set()

    def made(self, session, count):
        """The records of a session, as soon as there are `count`; a record comes after its answer."""
        deadline = time.monotonic() + RECORD_SECONDS
        while len(self._of(session)) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        # One more than expected would be a repetition too many: it has had its time to come.
        time.sleep(0.3)
        return self._of(session)

    def _of(self, session):
        return [record for record in self.records if record.get("session") == session]

    def stop(self):
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._home.cleanup()


def create_key(name):
    """A gateway key, and the entry of the configuration that makes it valid."""
    command = ["node", str(ROOT / "start.mjs"), "dragoman", "keys", "create", name]
    with tempfile.TemporaryDirectory() as home:
        made = subprocess.run(
            command, cwd=home, env=_environment(home, {}), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
        )
    key, entry = made.stdout.splitlines()
    return key, entry.strip()
