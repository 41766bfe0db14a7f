"""One of two people who press the same buttons: python presses.py SESSION FOLDER WHO.

WHO is 0 or 1. From the input comes a JSON list of presses: each is (path, what is posted), or
(path, body, key) for JSON, or ("import", cells). Both have looked before either of them writes:
they meet there, by files in the folder. What was answered is printed as a JSON list."""

import json
import sys
import time
from itertools import count
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 30  # seconds that one waits for the other
meetings = count()


def meet(folder, who):
    number, until = next(meetings), time.monotonic() + PATIENCE
    (folder / f"{number}.{who}").touch()
    while not (folder / f"{number}.{1 - who}").exists():
        if time.monotonic() > until:
            raise TimeoutError(f"meeting {number}: the other did not come")


def meet_before_writing(folder, who):
    from notices.delivery import again
    from notices.pages.idempotency import Key
    from notices.schedules import actions
    from signup.batches import Batch

    def before(owner, name):
        act = getattr(owner, name)

        def later(*args, **options):
            meet(folder, who)
            return act(*args, **options)

        setattr(owner, name, later)

    for owner, name in [(Key, "once"), (again, "chunks"), (actions, "in_hand")]:
        before(owner, name)
    plan = Batch.plan

    def planned(batch):
        rows = list(plan(batch))
        if rows[0][2] == "created":
            meet(folder, who)
        return rows

    Batch.plan = planned


def press(client, path, posted, key=None):
    if path == "import":
        from signup.batches import Batch
        from signup.people import read_person

        batch = Batch()
        batch.add(read_person(2, posted))
        return [str(outcome) for _, outcome in batch.save()]
    if key is None:
        answer = client.post(path, posted)
        return [answer.status_code, answer["Location"]]
    headers = {"Idempotency-Key": key}
    answer = client.post(path, posted, content_type="application/json", headers=headers)
    return [answer.status_code, answer.content.decode()]


def main(session, folder, who):
    sys.path[:0] = [str(ROOT), str(ROOT / "site")]
    import django

    django.setup()
    from django.conf import settings
    from django.test import Client

    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = session
    meet_before_writing(Path(folder), int(who))
    print(json.dumps([press(client, *what) for what in json.load(sys.stdin)]))


if __name__ == "__main__":
    main(*sys.argv[1:])
