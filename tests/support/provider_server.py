"""A provider's end of the wire: a real HTTP or HTTPS server on loopback that answers as it is
told, and keeps what it was asked."""

import json
import ssl
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

HANGUP, SILENCE, DRIP, DRIP_HEADERS, ENDLESS, CUT = (
    "hangup", "silence", "drip", "drip headers", "endless", "cut",
)  # fmt: skip


# For 127.0.0.1, signed by themselves: one for good, one that expired in 2020. The key is no secret.
LOOPBACK = Path(__file__).with_name("loopback.pem")
EXPIRED = Path(__file__).with_name("expired.pem")


class Question(NamedTuple):
    path: str
    headers: Any
    body: bytes
    at: float  # time.monotonic()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Window(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "ProviderServer"

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:  # whoever asked has died
            self.close_connection = True
            return
        question = Question(self.path, self.headers, body, time.monotonic())
        self.server.questions.append(question)
        answer = self.server.answers.pop(0) if self.server.answers else self.server.usual
        if callable(answer):
            answer = answer(question)
        time.sleep(self.server.delay)
        with suppress(OSError):  # they hung up
            if isinstance(answer, str):
                self.misbehave(answer)
            else:
                self.say(*answer)

    def say(self, status: int, headers: dict[str, str], content: Any) -> None:
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name, text)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def misbehave(self, how: str) -> None:
        self.close_connection = True
        if how == SILENCE:
            self.server.closing.wait(30)
        elif how == DRIP_HEADERS:
            for letter in "HTTP/1.1 200 OK\r\n" + "X: y\r\n" * 1000:
                self.drip(letter.encode())
        elif how == DRIP:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
            while True:
                self.drip(b" ")
        elif how == ENDLESS:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
            for _ in range(100_000_000 // 2**16):
                self.wfile.write(b" " * 2**16)
                self.server.written += 2**16
        elif how == CUT:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")

    def drip(self, piece: bytes) -> None:
        if self.server.closing.wait(0.05):
            raise OSError
        self.wfile.write(piece)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing."""


class ProviderServer(ThreadingHTTPServer):
    """`answers`: (status, headers, content) for each question in turn, one of the words above, or
    what gives either for a question; then `usual`. Content that is not bytes is sent as JSON."""

    daemon_threads = True
    request_queue_size = 128  # who is not let in at once asks again a second later
    scheme = "http"

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Window)
        self.questions: list[Question] = []
        self.answers: list[Any] = []
        self.usual: Any = (200, {}, {"id": "g-1"})
        self.connections = self.written = 0
        self.delay = 0.0  # seconds before each answer
        self.closing = threading.Event()

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.place}"

    def stop(self) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """They may hang up on us, and not believe our certificate."""


@contextmanager
def running(certificate: Path | None = None):
    server = ProviderServer()
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        server.scheme = "https"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server
    finally:
        if not server.closing.is_set():
            server.stop()
