"""An answer by HTTP/1.1 as it comes in: so many bytes and no more."""

import zlib
from typing import Any, NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

__all__ = ["NONSENSE", "Reading", "Reply"]

KEEP_SECONDS = 30  # that a connection may be idle and is used again
MAX_HEAD = 64 * 1024  # bytes beside the body
NONSENSE = (HttpParserError, HttpParserUpgrade)


class Reply(NamedTuple):
    """`headers` by their names in small letters. `content` is None when it was too much, or cannot
    be decoded."""

    status: int
    headers: dict[str, str]
    content: bytes | None


class Reading:
    """An answer as it comes in. `kept`: seconds for which its connection may be idle then."""

    def __init__(self, most: int) -> None:
        self.most, self.taken, self.content = most, 0, bytearray()
        self.headers: dict[str, str] = {}
        self.begun = self.complete = False
        self.status, self.kept = 0, 0.0
        self.parser: Any = HttpResponseParser(self)

    def take(self, piece: bytes) -> None:
        """Raises an error of the parser, or ConnectionError when it is cut off."""
        self.taken += len(piece)
        if piece:
            try:
                self.parser.feed_data(piece)
            except HttpParserError:
                self.kept = 0.0
                if not self.complete:  # else it is what follows that makes no sense
                    raise
        if not self.complete:
            sized = self.headers.keys() & {"content-length", "transfer-encoding"}
            self.complete = self.is_too_much() or (not piece and self.begun and not sized)
            if not (piece or self.complete):
                raise ConnectionError("It was cut off.")

    def is_too_much(self) -> bool:
        if not self.begun and self.taken > MAX_HEAD:
            raise ConnectionError("Its headers do not end.")
        return len(self.content) > self.most or self.taken > MAX_HEAD + self.most

    def reply(self) -> Reply:
        whole: bytes | None = bytes(self.content)
        if self.is_too_much():
            whole = None
        elif self.headers.get("content-encoding", "identity") != "identity":
            whole = unpacked(self.content, self.most)
        return Reply(self.status, self.headers, whole)

    # What the parser calls

    def on_message_begin(self) -> None:
        if self.complete:
            self.kept = 0.0  # more than one answer

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.complete:
            self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        if not self.complete:
            self.status, self.begun = self.parser.get_status_code(), True

    def on_body(self, piece: bytes) -> None:
        if not self.complete:
            self.content += piece

    def on_message_complete(self) -> None:
        if self.complete:
            return
        if self.status < 200:  # only "go on"
            self.headers, self.begun = {}, False
            return
        self.complete = True
        if self.parser.should_keep_alive():
            said = self.headers.get("keep-alive", "").partition("timeout=")[2].partition(",")[0]
            self.kept = min(KEEP_SECONDS, int(said) - 1 if said.isdecimal() else KEEP_SECONDS)


def unpacked(content: bytearray, most: int) -> bytes | None:
    unzip = zlib.decompressobj(zlib.MAX_WBITS | 32)  # gzip or deflate
    try:
        found = unzip.decompress(content, most + 1)
    except zlib.error:
        return None
    return found if unzip.eof and len(found) <= most else None
