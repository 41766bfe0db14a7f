"""Saving many people at once, each once, whoever else writes meanwhile."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models.functions import Lower
from django.utils.translation import gettext as _

from signup import groups, usernames
from signup.models import Change, Group, User, reachable
from signup.people import BadRow, Person
from signup.person_form import may_change

CHANGED = ("name", "email", "mobile", "language", "attributes")
Outcome = str | BadRow


@dataclass
class Batch:
    """People who share neither username nor email nor mobile, saved by a few statements. `by`:
    who has them saved; None for a command, which changes staff, too."""

    by: User | None = None
    people: list[Person] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self.people)

    def mentions(self, person: Person) -> bool:
        return not self.keys.isdisjoint(person.keys)

    def add(self, person: Person) -> None:
        self.people.append(person)
        self.keys |= person.keys

    def save(self, group: Group | None = None) -> Iterator[tuple[Person, Outcome]]:
        """Each person with "created", "updated", "unchanged" or why not, in the file's order. All
        but the last are in the group then, and in their own."""
        plan = list(self.plan())
        try:
            with transaction.atomic():
                self.write([user for _person, user, outcome in plan if outcome == "created"], [])
                self.write([], [user for _person, user, outcome in plan if outcome == "updated"])
        except IntegrityError:
            # Somebody registered at this moment: find out whom it concerns.
            outcomes = list(self.save_singly(plan))
        else:
            outcomes = [(person, outcome) for person, _user, outcome in plan]
        users = {person.row: user for person, user, _outcome in plan}
        kept = [person for person, outcome in outcomes if isinstance(outcome, str)]
        self.put_into_groups([(person, users[person.row]) for person in kept], group)
        yield from outcomes

    def put_into_groups(self, people: list[tuple[Person, User]], group: Group | None) -> None:
        members = dict[str, list[int]]()
        for person, user in people:
            if names := {*person.groups, *([group.name] if group else [])}:
                # Without a number: somebody else added the same at this moment.
                found = user if user.pk else Owners(self.known()).of(person)
                for name in names:
                    members.setdefault(name, []).extend([found.pk] if found else [])
        for name in sorted(members):
            groups.add(groups.make(name)[0], members[name])

    def plan(self) -> Iterator[tuple[Person, User, Outcome]]:
        owners = Owners(self.known())
        for person in self.people:
            user = owners.of(person)
            others = [
                key
                for key in sorted(person.keys)
                if owners.by_key.get(key, user) != user
                and not (user and key.startswith("username "))
            ]
            if others:
                yield person, User(), taken([key.split()[0] for key in others])
            elif user:
                yield person, user, self.changed(user, person)
            elif problem := refusal(person):
                yield person, User(), problem
            else:
                yield person, new_user(person), "created"

    def changed(self, user: User, person: Person) -> Outcome:
        if not change(user, person):
            return "unchanged"
        if self.by and not may_change(self.by, user):
            return BadRow(_("This is an account of staff. Only superusers change it."))
        return "updated"

    def known(self) -> list[User]:
        """Every user whom one of these rows may be about or may collide with."""
        fields = User.objects.only("username", "name_key", "is_staff", "is_superuser", *CHANGED)
        with_email = fields.exclude(email="").annotate(lower=Lower("email"))
        # Four questions, since no database answers an "or" of them by its indexes.
        found = [
            *fields.filter(username__in=[each.username for each in self.people]),
            *fields.filter(name_key__in=[usernames.key(each.username) for each in self.people]),
            *fields.filter(mobile__in=[each.mobile for each in self.people if each.mobile]),
            *with_email.filter(lower__in=[each.email for each in self.people if each.email]),
        ]
        return list({user.pk: user for user in found}.values())

    def write(self, created: list[User], updated: list[User]) -> None:
        User.objects.bulk_create(created)
        User.objects.bulk_update(updated, CHANGED, batch_size=100)
        reachable.send(Batch, users=[*created, *updated])
        what = Change.What.IMPORTED
        Change.objects.bulk_create(
            Change(user=each, by=self.by, what=what, fields=getattr(each, "different", []))
            for each in (*created, *updated)
        )

    def save_singly(
        self, plan: list[tuple[Person, User, Outcome]]
    ) -> Iterator[tuple[Person, Outcome]]:
        for person, user, outcome in plan:
            if outcome not in ("created", "updated"):
                yield person, outcome
                continue
            user.pk = None if outcome == "created" else user.pk
            try:
                with transaction.atomic():
                    self.write([user] * (outcome == "created"), [user] * (outcome == "updated"))
            except IntegrityError:
                yield person, self.look_again(person)
            else:
                yield person, outcome

    def look_again(self, person: Person) -> Outcome:
        """Somebody else took its name or address at this moment: perhaps the same file, twice."""
        [(_person, _user, outcome)] = Batch(self.by, [person], person.keys).plan()
        if outcome == "unchanged":
            return outcome
        return BadRow(_("its username, email or mobile was taken a moment ago."))


class Owners:
    """Whose a username, an email or a mobile is, among these."""

    def __init__(self, users: list[User]) -> None:
        self.by_name = {user.username: user for user in users}
        self.by_key = {f"username {user.name_key}": user for user in users}
        self.by_key |= {f"email {user.email.lower()}": user for user in users if user.email}
        self.by_key |= {f"mobile {user.mobile}": user for user in users if user.mobile}

    def of(self, person: Person) -> User | None:
        """Whom a row is about: by its username; without one by its mobile, else by its email."""
        if person.username:
            return self.by_name.get(person.username)
        by_mobile = self.by_key.get(f"mobile {person.mobile}")
        return by_mobile or self.by_key.get(f"email {person.email}")


def taken(columns: list[str]) -> BadRow:
    words = _("another user has this %(what)s already.") % {"what": _(" and ").join(columns)}
    return BadRow(words, *((column, words) for column in columns))


def refusal(person: Person) -> BadRow | None:
    """Of a name that nobody had before."""
    if not person.username:
        return None
    try:
        usernames.check_new(person.username)
    except ValidationError as problem:
        return BadRow(" ".join(problem.messages))
    return None


def new_user(person: Person) -> User:
    username = person.username or usernames.made_up()
    return User(
        username=username,
        name_key=usernames.key(username),
        name=person.name,
        attributes=dict(person.attributes) or None,
        email=person.email,
        mobile=person.mobile or None,
        language=person.language or settings.LANGUAGE_CODE,
        password=make_password(None),  # one that nobody can type
    )


def change(user: User, person: Person) -> bool:
    """Takes over the cells that are filled; whether anything is different now."""
    known = user.attributes or {}
    filled = {name: getattr(person, name) for name in CHANGED if getattr(person, name)}
    if person.attributes:
        filled["attributes"] = known | dict(person.attributes)
    different = [name for name, value in filled.items() if (getattr(user, name) or "") != value]
    for name in different:
        setattr(user, name, filled[name])
    user.different = different  # type: ignore[attr-defined]  # for write()
    return bool(different)
