"""An SMS gateway in a bad mood: python gateway.py PORT FOLDER SEED BUSY TOLD_TO_WAIT SILENT.

The shares are of numbers. BUSY get 425 or 503, of which a quarter a second time; TOLD_TO_WAIT get
429 with Retry-After, half of them 2 s and half 20 s; SILENT never get an answer, but half of them
the message. Whatever is accepted goes to FOLDER/accepted.txt, one line a message, and each question
to FOLDER/asked.jsonl as {"to", "at", "status", "wait"}. With GATEWAY_DELAY in the environment it
takes that many seconds over each answer.
"""

import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.faults.sink import share

LONGER_THAN_ANYBODY_WAITS = 30


def fate(address: str, turn: int, seed: str, shares: tuple[float, float, float]) -> tuple[int, int]:
    """Status and seconds to wait; status 0 means silence. The same in every run of a seed."""
    busy, told_to_wait, silent = shares
    luck = share(address, seed)
    if luck < busy:
        if turn == 1:
            return (425 if luck < busy / 2 else 503), 0
        return (503, 0) if turn == 2 and luck < busy / 4 else (200, 0)
    if turn == 1 and luck < busy + told_to_wait:
        return 429, 2 if luck < busy + told_to_wait / 2 else 20
    return (0 if busy + told_to_wait <= luck < busy + told_to_wait + silent else 200), 0


class Gateway(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # who is not let in at once asks again a second later

    def __init__(self, port: int, folder: Path, seed: str, shares: tuple[float, float, float]):
        super().__init__(("127.0.0.1", port), Window)
        self.accepted = (folder / "accepted.txt").open("a", buffering=1)
        self.asked = (folder / "asked.jsonl").open("a", buffering=1)
        self.seed, self.shares = seed, shares
        self.turns: dict[str, int] = {}
        self.lock = threading.Lock()

    def judge(self, address: str) -> tuple[int, int]:
        with self.lock:
            turn = self.turns[address] = self.turns.get(address, 0) + 1
            status, wait = fate(address, turn, self.seed, self.shares)
            if status == 200 or (status == 0 and int(address[-1]) % 2):
                self.accepted.write(f"{address}\n")
            facts = {"to": address, "at": time.time(), "status": status, "wait": wait}
            self.asked.write(json.dumps(facts) + "\n")
        return status, wait


class Window(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Gateway

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, wait = self.server.judge(body["to"])
        time.sleep(float(os.environ.get("GATEWAY_DELAY", "0")))
        if not status:
            time.sleep(LONGER_THAN_ANYBODY_WAITS)
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("Content-Length", "0")
        if wait:
            self.send_header("Retry-After", str(wait))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing: asked.jsonl says it all."""


if __name__ == "__main__":
    port, folder, seed, *shares = sys.argv[1:]
    busy, told_to_wait, silent = map(float, shares)
    with Gateway(int(port), Path(folder), seed, (busy, told_to_wait, silent)) as gateway:
        print("Gateway listens", flush=True)
        gateway.serve_forever()
