"""docs/privacy.md names every column in which something of a person may stand, and none that is not
there."""

import re

import pytest
from django.apps import apps
from django.conf import settings
from django.db import models

from tests.support.processes import ROOT

pytestmark = pytest.mark.once

HOLDS = (models.CharField, models.TextField, models.JSONField, models.BinaryField,
         models.GenericIPAddressField, models.FileField)  # fmt: skip
# What holds no more than Bellhop's own words, names that staff give to things, and digests.
NOT_PERSONAL = {
    "Alert": "key words advice path problem",
    "Approval": "digest",
    "Attribute": "name",
    "CodeRequest": "purpose",
    "ContentType": "app_label model",
    "Delivery": "message language origin token provider",
    "Entry": "verb",
    "Erasure": "counts",
    "FailedAttempt": "provider",
    "Group": "name key",
    "Kind": "name key",
    "Headings": "digest mapping",
    "Notice": "language channels zone request_key request_digest request_answer paused_from",
    "Occurrence": "reason",
    "Part": "state repeated",
    "Period": "kind",
    "Permission": "name codename",
    "Receipt": "provider",
    "Request": "key digest",
    "SavedAudience": "key",
    "Schedule": "language channels zone request_key request_digest request_answer rule start",
    "StreamCursor": "token provider",
    "Token": "digest prefix scopes networks",
    "Upload": "digest language problem mapping group new_groups",
}


def held():
    """Each column that could hold something of a person, as Model.field."""
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.concrete_fields:
            of_user = field.related_model and field.related_model._meta.label == (
                settings.AUTH_USER_MODEL
            )
            if of_user or (isinstance(field, HOLDS) and not field.choices):
                yield f"{model.__name__}.{field.name}"


def test_every_column_that_may_hold_something_of_a_person_is_told():
    page = (ROOT / "docs" / "privacy.md").read_text()
    named = re.findall(r"`(\w+): (\w+(?:, \w+)*)`", page)
    told = {f"{model}.{field}" for model, fields in named for field in fields.split(", ")}
    harmless = {
        f"{model}.{name}" for model, names in NOT_PERSONAL.items() for name in names.split()
    }
    assert told | harmless == set(held())
    assert not told & harmless
