"""schemathesis asks every operation of the document for what its schema allows, and for what it
does not: nothing is a mistake of ours, and each answer is one that the document names."""

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from schemathesis import GenerationMode, checks

from notices.api import tokens
from signup import groups
from tests.api.asking import ask
from tests.support.world import repeated, sent_now

pytestmark = [pytest.mark.once, pytest.mark.django_db(transaction=True)]

ASKED = 5  # times each, of what is allowed and of what is not: half a minute in all
HOLDS = [
    checks.not_a_server_error, checks.status_code_conformance, checks.content_type_conformance,
    checks.response_schema_conformance, checks.response_headers_conformance,
]  # fmt: skip


@pytest.fixture
def there(staff, visitor):
    """The number of one of each, by the path below which it is found."""
    secret = tokens.make("crm", list(tokens.SCOPES), author=staff)[1]
    condition = {"what": "language", "value": "en"}
    bodies = {
        "messages": {"to": {"mobile": "13900000011"}, "text": "Here."},
        "verifications": {"mobile": "13900000012"},
        "groups": {"name": "Guests"},
        "audiences": {"name": "All", "any": [[condition]]},
        "suppressions": {"channel": "sms", "address": "13900000013", "kind": "stop"},
    }
    made = {name: ask(secret, f"/api/v1/{name}", body) for name, body in bodies.items()}
    groups.make_attribute("room")
    return {
        "secret": secret,
        **{name: answer.json()["id"] for name, answer in made.items()},
        "notices": sent_now(staff).pk,
        "schedules": repeated(author=staff).pk,
        "people": visitor.pk,
    }


def test_every_operation_answers_as_the_document_says(there):
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", get_wsgi_application())
    headers = {"Authorization": f"Bearer {there['secret']}"}
    asked = 0

    def ask_all(operation, mode):
        path = operation.path.split("/")[3]

        @seeded(1)
        @settings(
            max_examples=ASKED, deadline=None, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy(generation_mode=mode))
        def one(case):
            nonlocal asked
            asked += 1
            if asked % 2 and "number" in (case.path_parameters or {}):
                case.path_parameters["number"] = there[path]
            case.headers = {k: v for k, v in (case.headers or {}).items() if k != "Authorization"}
            case.call_and_validate(headers=headers, checks=HOLDS)

        one()

    for found in schema.get_all_operations():
        for mode in GenerationMode.POSITIVE, GenerationMode.NEGATIVE:
            ask_all(found.ok(), mode)
    assert asked > 250
