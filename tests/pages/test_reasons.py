"""Why a message was not sent, in the reader's language."""

import pytest
from django.utils.translation import override

from notices.templatetags.reasons import in_words

pytestmark = pytest.mark.once


def test_code_of_the_provider_stays_behind_the_translated_sentence():
    # A sentence that the catalogue has for certain.
    with override("zh-hans"):
        plain = in_words("Has no mobile number.")
        assert plain != "Has no mobile number."
        assert in_words("Has no mobile number (21211).") == f"{plain[:-1]} (21211){plain[-1]}"


@pytest.mark.parametrize(
    "reason", ["", "The gateway (ours) is odd", "The number is not in service (21211)."]
)
def test_other_reasons_are_shown_as_they_are(reason):
    assert in_words(reason) == reason
