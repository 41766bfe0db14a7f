"""Many users at once: reading a row about one, and saving a batch of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models.functions import Lower
from django.utils.translation import get_supported_language_variant

from signup import emails, groups, names, phones, usernames
from signup.models import Change, Group, User
from web import characters

COLUMNS = ("username", "email", "mobile", "language")
OPTIONAL = ("name",)
CHANGED = ("name", "email", "mobile", "language", "attributes")


class BadRow(Exception):  # noqa: N818
    """A row that cannot be used, in words that follow its number."""


@dataclass(frozen=True)
class Person:
    """A checked row; what is empty is left as it is."""

    row: int
    username: str
    name: str
    email: str
    mobile: str
    language: str
    attributes: Mapping[str, str]

    @property
    def keys(self) -> set[str]:
        """What no two users share."""
        name = f"username {usernames.key(self.username)}"
        return {name, f"email {self.email}", f"mobile {self.mobile}"} - {"email ", "mobile "}


def read_person(number: int, row: Mapping[str, str], attributes: Sequence[str] = ()) -> Person:
    """`attributes`: the names of those that there are. Raises BadRow."""
    cells = {
        name: characters.trim(row.get(name, "")) for name in (*COLUMNS, *OPTIONAL, *attributes)
    }
    for name, value in cells.items():
        if "\ufffd" in value:
            raise BadRow(f"{name} is not in UTF-8. Save the file as UTF-8.")
    username = usernames.typed(cells["username"])
    try:
        for check in User._meta.get_field("username").validators:
            check(username)
        own_name = names.normalise(cells["name"])
        own = groups.values(cells, attributes)
        email = cells["email"] and emails.normalise(cells["email"])
        mobile = cells["mobile"] and phones.normalise(cells["mobile"], abroad=True)
    except ValidationError as problem:
        raise BadRow(" ".join(map(str, problem.messages))) from None
    language = read_language(cells["language"])
    return Person(number, username, own_name, email, mobile, language, own)


def read_language(text: str) -> str:
    """One of settings.LANGUAGES; also "zh", "zh-CN", "en-GB" mean one of them."""
    if not text:
        return ""
    try:
        return get_supported_language_variant(text.lower().replace("_", "-"))
    except LookupError:
        known = ", ".join(dict(settings.LANGUAGES))
        raise BadRow(f"language {text[:20]!r} is not one of {known}.") from None


Outcome = str | BadRow


@dataclass
class Batch:
    """People who share neither username nor email nor mobile, saved by a few statements."""

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
        but the last are in the group then."""
        plan = list(self.plan())
        try:
            with transaction.atomic():
                write([user for _person, user, outcome in plan if outcome == "created"], [])
                write([], [user for _person, user, outcome in plan if outcome == "updated"])
        except IntegrityError:
            # Somebody registered at this moment: find out whom it concerns.
            outcomes = list(save_singly(plan))
        else:
            outcomes = [(person, outcome) for person, _user, outcome in plan]
        if group:
            kept = [person.username for person, outcome in outcomes if isinstance(outcome, str)]
            groups.add(group, User.objects.filter(username__in=kept).values_list("pk", flat=True))
        yield from outcomes

    def plan(self) -> Iterator[tuple[Person, User, Outcome]]:
        known = self.known()
        by_name = {user.username: user for user in known}
        owner = {f"username {user.name_key}": user.username for user in known}
        owner |= {f"email {user.email.lower()}": user.username for user in known}
        owner |= {f"mobile {user.mobile}": user.username for user in known if user.mobile}
        for person in self.people:
            user = by_name.get(person.username)
            others = [
                key
                for key in sorted(person.keys)
                if owner.get(key, person.username) != person.username
                and not (user and key.startswith("username "))
            ]
            if others:
                what = " and ".join(key.split()[0] for key in others)
                yield person, User(), BadRow(f"another user has this {what} already.")
            elif user:
                yield person, user, "updated" if change(user, person) else "unchanged"
            elif problem := refusal(person):
                yield person, User(), problem
            else:
                yield person, new_user(person), "created"

    def known(self) -> list[User]:
        """Every user whom one of these rows may be about or may collide with."""
        fields = User.objects.only("username", "name_key", *CHANGED)
        with_email = fields.exclude(email="").annotate(lower=Lower("email"))
        # Four questions, since no database answers an "or" of them by its indexes.
        found = [
            *fields.filter(username__in=[each.username for each in self.people]),
            *fields.filter(name_key__in=[usernames.key(each.username) for each in self.people]),
            *fields.filter(mobile__in=[each.mobile for each in self.people if each.mobile]),
            *with_email.filter(lower__in=[each.email for each in self.people if each.email]),
        ]
        return list({user.pk: user for user in found}.values())


def refusal(person: Person) -> BadRow | None:
    """Of a name that nobody had before."""
    try:
        usernames.check_new(person.username)
    except ValidationError as problem:
        return BadRow(" ".join(problem.messages))
    return None


def new_user(person: Person) -> User:
    return User(
        username=person.username,
        name_key=usernames.key(person.username),
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


def write(created: list[User], updated: list[User]) -> None:
    User.objects.bulk_create(created)
    User.objects.bulk_update(updated, CHANGED, batch_size=100)
    what = Change.What
    Change.objects.bulk_create(
        [Change(user=each, what=what.IMPORTED, fields=[]) for each in created]
        + [Change(user=each, what=what.IMPORTED, fields=each.different) for each in updated]  # type: ignore[attr-defined]
    )


def save_singly(plan: list[tuple[Person, User, Outcome]]) -> Iterator[tuple[Person, Outcome]]:
    for person, user, outcome in plan:
        if outcome not in ("created", "updated"):
            yield person, outcome
            continue
        user.pk = None if outcome == "created" else user.pk
        try:
            with transaction.atomic():
                write([user] * (outcome == "created"), [user] * (outcome == "updated"))
        except IntegrityError:
            yield person, look_again(person)
        else:
            yield person, outcome


def look_again(person: Person) -> Outcome:
    """Somebody else took its name or address at this moment: perhaps the same file, twice."""
    [(_person, _user, outcome)] = Batch([person], person.keys).plan()
    if outcome == "unchanged":
        return outcome
    return BadRow("its username, email or mobile was taken a moment ago.")
