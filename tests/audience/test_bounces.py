"""What a mail server's answer says of the address: the places where a status may stand, and those
where only something like one does."""

import pytest

from notices.audience import bounces


@pytest.mark.parametrize(
    "answer",
    [
        "5.1.1 No such user",
        "550 5.1.1 <a@example.de>: Recipient address rejected: User unknown",
        "550-5.1.1 The email account that you tried to reach does not exist.",
        "smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found",
        "smtp; 550 5.1.1 <jane@example.com>... User unknown",
        "host mail.example.de[5.9.12.34] said: 550 5.1.1 <a@example.de>: User unknown",
        "host mail.example.de[5.9.12.34] said: 5.1.2 no such domain",
        "550 RecipientError: 550 5.1.1 <notauser@example.com>: Recipient address rejected",
        "bounced (550 5.1.1 The email account that you tried to reach does not exist.)",
        "550 #5.1.1 Address rejected.",
        "Sorry, no mailbox here by that name. (#5.1.1)",
        "5.9.12.34 does not like recipient. Remote host said: 550 5.1.1 User unknown",
        "550 5.2.1 The email account that you tried to reach is disabled.",
        "556 5.1.10 Domain with null MX",
    ],
)
def test_dead(answer):
    assert bounces.is_dead(answer) is True


@pytest.mark.parametrize(
    "answer",
    [
        "421 4.7.0 [5.1.1.20] Our system has detected an unusual rate",
        "450 4.2.1 The user is receiving mail too quickly",
        "450 5.1.1 User unknown in virtual mailbox table",
        "450 User unknown",
        "552 Mailbox full",
        "552 5.2.2 Mailbox full",
        "554 5.2.3 Message larger than the mailbox takes",
        "550 5.4.1 Recipient address rejected: Access denied",
        "550 4.4.7 Message expired",
        "554 5.3.3 [internal] Error while rendering",
        "554 5.7.1 Service unavailable; Client host [5.1.1.20] blocked",
        "550 5.1.8 Sender's domain does not exist",
        "host mx.example.com[5.1.1.20] said: 452 4.2.2 Over quota",
    ],
)
def test_something_else(answer):
    assert bounces.is_dead(answer) is False


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "550 5.5.0 Requested action not taken: mailbox unavailable.",
        " RecipientError: 550 5.5.0 Requested action not taken: mailbox unavailable.",
        "554 delivery error: dd This user doesn't have a yahoo.com account",
        "550 Rejected by Exim 5.1.1",
        "connect to mx.example.com[5.1.1.20]:25: Connection refused",
        "host mail.example.de[5.9.12.34] said: 550 No such user",
        "550 5.1.1.20 is not allowed to send",
        "550 mx-5.1.1 says no",
        "version 5.1.1",
    ],
)
def test_neither(answer):
    assert bounces.is_dead(answer) is None
