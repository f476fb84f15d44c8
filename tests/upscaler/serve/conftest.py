"""A server of its own for each test, as the command starts it."""

import http.client
import json
import re
import signal
import subprocess
import sys

import pytest


class Server:
    """A running `upscaler serve`."""

    def __init__(self, source, output):
        command = [sys.executable, "-m", "upscaler", "serve", source, output, "--no-browser"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        found = re.search(r"(http://127\.0\.0\.1:(\d+))(/[\w-]+/)", self.process.stdout.readline())
        self.origin, self.port, self.root = found[1], int(found[2]), found[3]
        self.address = self.origin + self.root

    def ask(self, path, method="GET", body=None, root=None, **headers):
        """Return status and content of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, (self.root if root is None else root) + path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def tell(self, path, what):
        """Send what the page would send."""
        return self.ask(path, "POST", json.dumps(what), origin=self.origin)

    def json(self, path):
        """Return what is answered to the page."""
        status, content = self.ask(path)
        assert status == 200, content
        return json.loads(content)

    def close(self):
        """End it as Ctrl-C does; return the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(300)


@pytest.fixture
def web():
    """Skips a test where the extra is not installed."""
    for name in ("starlette", "uvicorn"):
        pytest.importorskip(name, reason="needs the extra [web]")


@pytest.fixture
def serve(web):
    """Start a server; all end with the test."""
    started = []

    def start(source, output):
        started.append(Server(source, output))
        return started[-1]

    yield start
    for server in started:
        if server.process.poll() is None:
            server.close()
        server.process.stdout.close()
