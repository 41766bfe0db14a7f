"""The web process, asked as by a router before it that adds where a request came from."""

import http.client
import json

from bench.place import Module, Place
from local import embedded
from tests.support.processes import eventually

PICTURE = "12345"  # the picture code that is always right
# What a place with one router before it and many visitors sets.
SETTINGS = {
    "PICTURE_CODE_FIXED": PICTURE,
    "TRUSTED_PROXIES": "1",
    "CODE_LIMIT_ALL": "1000000/hour",
}
HEADERS = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "10.255.255.255"}


class Web:
    """gunicorn with the project's gunicorn.conf.py, once it answers."""

    def __init__(self, here: Place, *words: str, **environment: str) -> None:
        self.port = embedded.free_port()
        self.process = here.running(
            Module("gunicorn", "--bind", f"127.0.0.1:{self.port}", *words, **environment)
        )
        eventually(self.is_up, 30)

    def is_up(self) -> bool:
        try:
            self.get("/healthz")
        except OSError:
            return False
        return True

    def line(self, patience: float = 10) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=patience)

    def get(self, page: str) -> bytes:
        line = self.line()
        try:
            line.request("GET", page, headers=HEADERS)
            return line.getresponse().read()
        finally:
            line.close()

    def code_for(self, mobile: str) -> dict[str, str]:
        """What asks Bellhop for a code, with a picture of its own."""
        picture = json.loads(self.get("/signup/picture/"))["image_code_id"]
        return {"mobile": mobile, "image_code_id": picture, "image_code": PICTURE}
