"""What queueing adds to a request: the same view with and without it, in turn."""

import http.client
import json
import time
from random import Random
from statistics import median

from redis import Redis

from bench import place, web
from bench.bellhop import SETTINGS, copies
from bench.figures import Figure, Result, Target
from bench.web import HEADERS, Web

NAME = "request"
TITLE = "What queueing adds to a request"
HOW = {"bellhop": "Bellhop", "celery": "Celery, delay", "rq": "plain RQ, enqueue"}


def run(runs: int, full: bool) -> Result:
    rounds = 1000 if full else 150
    added = {how: Figure("queueing adds", name, "ms") for how, name in HOW.items()}
    bare = Figure("the view without queueing", "Django", "ms")
    whole = Figure("POST /signup/code/, all of it", "Bellhop", "ms")
    for _ in range(runs):
        times = one_run(rounds)
        for how, figure in added.items():
            pairs = zip(times[how], times["none"], strict=True)
            figure.runs.append(median(rung - plain for rung, plain in pairs))
        bare.runs.append(median(times["none"]))
        whole.runs.append(median(times["code"]))
    ours = added["bellhop"]
    return Result(
        TITLE,
        [*added.values(), bare, whole],
        [Target("queueing adds to a request", ours.median, 3, at_least=False, unit="ms")],
        [
            f"{rounds} rounds in each run, over one connection that stays open to one gunicorn: "
            "each round asks once without queueing and once with each kind of it, in an order "
            "drawn by lot. A run's figure "
            "is the median of the differences within a round.",
            "The view stores a delivery and commits; what is queued, is queued after the commit. "
            "No worker runs, so that only the request's own part is measured. Plain RQ's job is "
            "written as JSON here, since all of RQ's are in this process.",
        ],
    )


def one_run(rounds: int) -> dict[str, list[float]]:
    """How -> ms of each request, in the order of the rounds."""
    random = Random(rounds)
    with place.opened() as here:
        unlimited = {"CODE_LIMIT_ORIGIN": "1000000/hour"}
        environment = SETTINGS | web.SETTINGS | copies(here, "people", 0) | unlimited
        redis = Redis.from_url(environment["REDIS_URL"])
        desk = Web(here, "bench.processes.store", **environment)
        codes = [desk.code_for(f"+86139{number:08d}") for number in range(rounds + 10)]
        line = desk.line()
        times: dict[str, list[float]] = {how: [] for how in ("none", *HOW, "code")}
        for each in codes:
            body = json.dumps(each).encode()
            for how in random.sample(list(times), len(times)):
                page = "/signup/code/" if how == "code" else f"/store/{how}/"
                times[how].append(post(line, page, body))
        line.close()
        rung = {name: redis.llen(name) for name in ("rq:queue:plain", "celery")}
        assert set(rung.values()) == {len(codes)}, rung
        assert redis.llen("rq:queue:sms") == 2 * len(codes)
    return {how: spent[10:] for how, spent in times.items()}  # without the first ones


def post(line: http.client.HTTPConnection, page: str, body: bytes) -> float:
    """The ms that it took."""
    began = time.perf_counter()
    line.request("POST", page, body, HEADERS | {"Content-Type": "application/json"})
    answer = line.getresponse()
    content = answer.read()
    took = time.perf_counter() - began
    assert answer.status == 200, content
    return 1000 * took
