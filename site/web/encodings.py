"""In what a text file is written. UTF-8 or UTF-16 when it is; else GB18030, which Excel writes in
China, when it reads as Chinese."""

import codecs
import re
from typing import BinaryIO

__all__ = ["encoding_of"]

CHUNK = 1024 * 1024  # bytes
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
ASCII = re.compile("[\0-\x7f]+")
COMMON = 0.9  # of a Chinese text's signs at least are in GB 2312; of a Western one read so, few


def encoding_of(file: BinaryIO) -> str:
    """Also "utf-8-sig" for what is none of them: whoever reads it sees what is missing."""
    file.seek(0)
    if file.read(2) in UTF_16:
        return "utf-16"
    if reads_as(file, "utf-8") is None and (share := reads_as(file, "gb18030")) is not None:
        return "gb18030" if share >= COMMON else "utf-8-sig"
    return "utf-8-sig"


def reads_as(file: BinaryIO, encoding: str) -> float | None:
    """The share of signs outside of ASCII that are common in Chinese; None when it is not so
    encoded."""
    file.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    signs = common = 0
    try:
        while data := file.read(CHUNK):
            wide = ASCII.sub("", decoder.decode(data))
            signs += len(wide)
            common += len(wide.encode("gb2312", "ignore")) // 2
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return None
    return common / signs if signs else 1.0
