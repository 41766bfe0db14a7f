"""What several operations take and answer."""

from typing import Annotated

from ninja import Schema
from pydantic import ConfigDict, StringConstraints

__all__ = ["PK", "Strict", "Text"]

PK = 2**63 - 1  # the largest number of a row
Text = Annotated[str, StringConstraints(max_length=1000)]


class Strict(Schema):
    """A body: what it names and nobody knows is refused."""

    model_config = ConfigDict(extra="forbid")
