"""The XML of a workbook's sheets and shared texts, read by expat while it is unpacked: what makes
an object of each element takes three times as long, and a list has 500,000 cells.

What the elements mean: ECMA-376, part 1, 18.3.1 and 18.4.
"""

from collections.abc import Callable, Iterator
from typing import IO, Any
from xml.parsers import expat

__all__ = ["Cell", "rows", "texts"]

CHUNK = 64 * 1024  # bytes
BEFORE_A = ord("A") - 1

Cell = tuple[str, str, str]  # its type, the number of its style, what it holds


class Reader:
    """What both have in common. `most`: characters that are kept of a text."""

    def __init__(self, most: int) -> None:
        self.most, self.length = most, 0
        self.pieces: list[str] = []
        self.collects = False
        self.phonetic = False  # how the text before it is read aloud, in East Asia
        self.parser = parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = self.collect
        parser.StartDoctypeDeclHandler = self.refuse

    def start(self, name: str, attributes: dict[str, str]) -> None:
        raise NotImplementedError

    def end(self, name: str) -> None:
        raise NotImplementedError

    def collect(self, text: str) -> None:
        if self.collects and self.length < self.most:
            self.pieces.append(text)
            self.length += len(text)

    def collected(self) -> str:
        pieces = self.pieces
        text = (pieces[0] if len(pieces) == 1 else "".join(pieces))[: self.most]
        pieces.clear()
        self.length = 0
        return text

    def refuse(self, *_facts: Any) -> None:
        raise ValueError("no part of a workbook has a document type: its entities could be bombs")

    def read(self, source: IO[bytes]) -> Iterator[None]:
        """After each piece."""
        while data := source.read(CHUNK):
            self.parser.Parse(data, False)
            yield
        self.parser.Parse(b"", True)
        yield


def own(name: str) -> str:
    """Without a prefix of its namespace."""
    return name.rpartition(":")[2]


class Texts(Reader):
    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.found: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if ":" in name:
            name = own(name)
        if name == "rPh":
            self.phonetic = True
        elif name == "t":
            self.collects = not self.phonetic

    def end(self, name: str) -> None:
        if ":" in name:
            name = own(name)
        if name == "t":
            self.collects = False
        elif name == "rPh":
            self.phonetic = False
        elif name == "si":
            self.found.append(self.collected())


def texts(source: IO[bytes], most: int) -> list[str]:
    """The shared ones, by which cells of the type "s" are meant."""
    reader = Texts(most)
    for _piece in reader.read(source):
        pass
    return reader.found


class Sheet(Reader):
    def __init__(self, most: int, columns: int, value: Callable[[Cell], str]) -> None:
        super().__init__(most)
        self.columns, self.value = columns, value
        self.found: list[tuple[int, list[str]]] = []
        self.number = self.column = 0
        self.row: list[str] = []
        self.kind = self.style = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "c":
            get = attributes.get
            self.kind, self.style = get("t", "n"), get("s", "0")
            at = get("r")
            self.column = column_of(at) if at else self.column + 1
        elif name == "t":
            self.collects = self.kind == "inlineStr" and not self.phonetic
        elif name == "v":
            self.collects = self.kind != "inlineStr"
        elif name == "row":
            at = attributes.get("r")
            self.number = int(float(at)) if at else self.number + 1
            self.column, self.row = 0, []
        elif name == "rPh":
            self.phonetic = True
        elif ":" in name:
            self.start(own(name), attributes)

    def end(self, name: str) -> None:
        if name == "c":
            if self.pieces:
                self.keep(self.collected())
        elif name in ("t", "v"):
            self.collects = False
        elif name == "row":
            self.found.append((self.number, self.row))
        elif name == "rPh":
            self.phonetic = False
        elif ":" in name:
            self.end(own(name))

    def keep(self, held: str) -> None:
        if self.column > self.columns:
            return
        text, row = self.value((self.kind, self.style, held)), self.row
        if self.column == len(row) + 1:  # most are
            row.append(text)
            return
        row.extend([""] * (self.column - len(row)))
        row[self.column - 1] = text


def column_of(place: str) -> int:
    """27 of AA1."""
    if place[1:2].isdigit() and "A" <= place[0] <= "Z":  # most are
        return ord(place[0]) - BEFORE_A
    number = 0
    for letter in place:
        if not letter.isalpha():
            break
        number = 26 * number + ord(letter.upper()) - BEFORE_A
    if not number:
        raise ValueError(f"{place} is no place of a cell")
    return number


def rows(
    source: IO[bytes], most: int, columns: int, value: Callable[[Cell], str]
) -> Iterator[tuple[int, list[str]]]:
    """Each row with its number, and the first `columns` cells as `value` has them."""
    sheet = Sheet(most, columns, value)
    for _piece in sheet.read(source):
        yield from sheet.found
        sheet.found.clear()
