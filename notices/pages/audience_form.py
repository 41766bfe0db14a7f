"""A saved audience as its form has it: a name, and a row for each condition."""

from dataclasses import dataclass, field
from typing import Any, Self

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _

from notices.audience import conditions
from notices.models import SavedAudience
from signup import groups, security
from signup.models import User

__all__ = ["AudienceForm", "Row"]

MOST, SPARE = 20, 3  # rows; of them empty ones


@dataclass
class Row:
    join: str = "and"  # with the row before: "or" begins another alternative
    negated: bool = False
    what: str = ""
    value: str = ""
    problem: str = ""

    @property
    def is_empty(self) -> bool:
        return not self.what and not self.value.strip()


@dataclass
class AudienceForm:
    """After read(), `alternatives` are those of the rows without a problem."""

    name: str = ""
    rows: list[Row] = field(default_factory=list)
    name_problem: str = ""
    problem: str = ""
    alternatives: list[list[Any]] = field(default_factory=list)

    @classmethod
    def of(cls, saved: SavedAudience) -> Self:
        rows = [Row(*each) for each in conditions.written(saved.conditions)]
        found = conditions.in_words(saved.conditions)
        for row, (_words, problem) in zip(rows, found, strict=True):
            row.problem = problem
        return cls(saved.name, rows, alternatives=saved.conditions)

    @classmethod
    def read(cls, posted: QueryDict) -> Self:
        columns = (posted.getlist(name) for name in ("join", "is", "what", "value"))
        rows = [
            Row("or" if join == "or" else "and", verb == "not", what[:100], value[:300])
            for join, verb, what, value in zip(*columns, strict=False)
        ]
        form = cls(posted.get("name", "")[:300], [row for row in rows if not row.is_empty])
        form.take_all()
        return form

    def take_all(self) -> None:
        if len(self.rows) > MOST:
            self.problem = _("Use at most %(number)d conditions.") % {"number": MOST}
            self.rows = self.rows[:MOST]
        for row in self.rows:
            self.take(row)
        if not self.rows:
            self.problem = _("Write at least one condition.")

    def take(self, row: Row) -> None:
        try:
            found = conditions.read(row.what, row.value, negated=row.negated)
        except ValidationError as problem:
            row.problem = problem.messages[0]
            return
        if row.join == "or" or not self.alternatives:
            self.alternatives.append([])
        self.alternatives[-1].append(found)

    @property
    def is_right(self) -> bool:
        return not self.problem and not any(row.problem for row in self.rows)

    @property
    def shown(self) -> list[Row]:
        return [*self.rows, *(Row() for _each in range(min(SPARE, MOST - len(self.rows))))]

    def save(self, saved: SavedAudience, by: User | None) -> bool:
        """Whether its name could be used; else `name_problem` says why not."""
        saved.changed_by, saved.changed_at = by, timezone.now()
        try:
            with transaction.atomic():
                if not self.named(saved):
                    return False
                security.tell("audience-changed", audience=saved.pk)
                return True
        except IntegrityError:  # the same name, at this moment
            self.name_problem = _("There is an audience of this name. Choose another.")
            return False

    def named(self, saved: SavedAudience) -> bool:
        try:
            saved.name = groups.read_name(self.name, _("Give the audience a name."))
        except ValidationError as problem:
            self.name_problem = problem.messages[0]
            return False
        saved.key = groups.key_of(saved.name)
        if SavedAudience.objects.filter(key=saved.key).exclude(pk=saved.pk).exists():
            self.name_problem = _("There is an audience of this name. Choose another.")
            return False
        saved.conditions = self.alternatives
        saved.save()
        return True
