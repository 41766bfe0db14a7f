"""The whole house on loopback: Redis, a mail server that keeps a list, workers, the scheduler.

Everything breakable is a process of its own, started and ended by pid.
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import psutil
from django.db import connection
from redis.exceptions import RedisError
from rq.job import Job

from local import embedded
from notices.models import Delivery, Notice
from signup.models import User
from tests.faults.sink import share
from tests.support.processes import ROOT, OwnRedis, Process, eventually
from tests.support.world import database_url

QUEUES = ("sms", "email", "default", "bulk")


def people(number: int) -> None:
    """That many users with an email address and no more."""
    User.objects.bulk_create(
        (User(username=f"guest_{n}", email=f"guest{n}@example.com") for n in range(number)),
        batch_size=5000,
    )


def send_to_everyone(house: "House", folder: Path, channel: str = "email") -> int:
    """The number of a notice that starts now."""
    text = folder / "text.md"
    text.write_text("Dear ((name)), hello.")
    return int(
        house.command(
            "notice", "send", "--subject", "Hello", "--text", str(text),
            "--channel", channel, "--everyone", "--no-undo",
        )
    )  # fmt: skip


@contextmanager
def ringing(folder, seed, settings, **environment):
    """A house; what this process queues goes to its Redis, too."""
    built = House(folder, seed, environment=environment)
    settings.REDIS_URL = built.redis.url
    yield built
    built.close()


@contextmanager
def gateway(folder: Path, seed: int, busy: float, told_to_wait: float, silent: float):
    """An SMS gateway (gateway.py) that writes into the folder; its address for SMS_URLS."""
    port = embedded.free_port()
    command = [sys.executable, str(Path(__file__).with_name("gateway.py")), str(port), str(folder)]
    command += map(str, (seed, busy, told_to_wait, silent))
    server = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
    assert server.stdout
    assert server.stdout.readline()
    yield f"webhook+http://127.0.0.1:{port}/sms"
    server.kill()
    server.wait()


def wake(process: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):  # it was killed meanwhile
        process.resume()


class House:
    def __init__(
        self,
        folder: Path,
        seed: int,
        refused: float = 0.0,
        lost: float = 0.0,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.random = random.Random(seed)
        self.seed, self.refused, self.lost = str(seed), refused, lost
        self.redis = OwnRedis(folder / "redis")
        self.accepted_file = folder / "accepted.txt"
        self.accepted_file.touch()
        port = embedded.free_port()
        command = [sys.executable, str(Path(__file__).with_name("sink.py")), str(port)]
        command += [str(self.accepted_file), str(refused), str(lost), self.seed]
        self.sink = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
        assert self.sink.stdout
        assert self.sink.stdout.readline()
        self.environment = {
            "DATABASE_URL": database_url(),
            "REDIS_URL": self.way_to_redis(),
            "EMAIL_URL": f"smtp://127.0.0.1:{port}",
        } | dict(environment)
        self.faults: Counter[str] = Counter()
        self.workers = [self.worker() for _ in range(2)]
        self.scheduler = Process("rqscheduler", **self.environment)

    def way_to_redis(self) -> str:
        return self.redis.url

    def worker(self) -> Process:
        return Process("rqworker", *QUEUES, **self.environment)

    def command(self, *words: str) -> str:
        environment = os.environ | self.environment
        return subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT, env=environment, check=True, capture_output=True, text=True, timeout=60,
        ).stdout  # fmt: skip

    def close(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.end()
        self.sink.kill()
        self.sink.wait()
        self.redis.kill()

    # Faults

    def some_worker(self) -> int:
        return self.random.randrange(len(self.workers))

    def kill_horse(self) -> None:
        """kill -9 of a process that runs a job, if there is one."""
        for worker in self.random.sample(self.workers, len(self.workers)):
            with suppress(psutil.NoSuchProcess):
                for horse in psutil.Process(worker.pid).children():
                    horse.kill()
                    self.faults["work-horse killed"] += 1
                    return

    def freeze_horse(self, seconds: float) -> None:
        """A process that runs a job stands still, as on a machine that swaps, and then goes on."""
        for worker in self.random.sample(self.workers, len(self.workers)):
            with suppress(psutil.NoSuchProcess):
                for horse in psutil.Process(worker.pid).children():
                    horse.suspend()
                    threading.Timer(seconds, wake, (horse,)).start()
                    self.faults["work-horse frozen"] += 1
                    return

    def kill_worker(self) -> None:
        """kill -9 of the parent alone: its horse goes on as an orphan."""
        number = self.some_worker()
        self.workers[number].popen.kill()
        self.workers[number].popen.wait()
        self.workers[number] = self.worker()
        self.faults["worker killed"] += 1

    def kill_both(self) -> None:
        number = self.some_worker()
        with suppress(psutil.NoSuchProcess):
            family = psutil.Process(self.workers[number].pid)
            for process in (*family.children(), family):
                process.kill()
        self.workers[number].popen.wait()
        self.workers[number] = self.worker()
        self.faults["worker and work-horse killed"] += 1

    def terminate(self) -> None:
        """SIGTERM to every process of the dyno, as a deploy does."""
        number = self.some_worker()
        with suppress(psutil.NoSuchProcess):
            family = psutil.Process(self.workers[number].pid)
            for process in (*family.children(), family):
                process.send_signal(signal.SIGTERM)
        self.workers[number] = self.worker()
        self.faults["SIGTERM"] += 1

    def kill_scheduler(self) -> None:
        self.scheduler.kill()
        self.scheduler = Process("rqscheduler", **self.environment)
        self.faults["scheduler killed"] += 1

    def lose_redis(self) -> None:
        """Redis is killed and comes back empty."""
        self.redis.kill()
        self.redis.start()
        self.faults["Redis killed and emptied"] += 1

    def break_something(self) -> None:
        faults = (
            self.kill_horse, self.kill_worker, self.kill_both, self.terminate, self.kill_scheduler,
            partial(self.freeze_horse, 2),
        )  # fmt: skip
        self.random.choice(faults)()

    # The oracle

    def ended(self, number: int) -> bool:
        return Notice.objects.get(pk=number).state in (
            Notice.State.FINISHED, Notice.State.CANCELLED,
        )  # fmt: skip

    def wait_until_ended(self, number: int, seconds: float) -> float:
        """Seconds until nothing is open any more; fails after `seconds`."""
        started = time.monotonic()
        while not self.ended(number):
            if time.monotonic() - started > seconds:
                shown = self.command("notice", "show", str(number), "--json")
                raise AssertionError(f"not settled within {seconds} s: {shown}\n{self.logs()}")
            time.sleep(0.2)
        return time.monotonic() - started

    def logs(self) -> str:
        """The last words of everybody, and what is in Redis."""
        everyone = (*self.workers, self.scheduler)
        said = [f"{each.pid} ({each.popen.poll()}): {each.output()[-3000:]}" for each in everyone]
        with suppress(RedisError):
            said.append(str(self.redis.client().keys("*")))
        return "\n".join(said)

    def eventually(self, check: Callable[[], Any], seconds: float) -> Any:
        try:
            return eventually(check, seconds)
        except AssertionError as problem:
            raise AssertionError(f"{problem}\n{self.logs()}") from None

    def verdict(self, number: int) -> dict[str, int]:
        """What the mail server accepted against what the database says."""
        accepted = Counter(self.accepted_file.read_text().split())
        states: dict[str, set[str]] = {}
        for address, state in Delivery.objects.filter(notice=number).values_list(
            "address", "state"
        ):
            states.setdefault(state, set()).add(address)
        everyone = set().union(*states.values())
        in_doubt = states.get("uncertain", set())
        refused = {address for address in everyone if share(address, self.seed) < self.refused}
        return {
            "recipients": len(everyone),
            "sent": len(states.get("sent", set())),
            "failed": len(states.get("failed", set())),
            "uncertain": len(in_doubt),
            "extra copies": sum(accepted.values()) - len(accepted),
            "lost": len(everyone - set(accepted) - in_doubt - refused),
            "sent but not accepted": len(states.get("sent", set()) - set(accepted)),
            "refused but accepted": len(refused & set(accepted)),
        }

    def tell(self, seconds: float, verdict: dict[str, int]) -> None:
        facts = {"seed": self.seed, "database": connection.vendor, "seconds": round(seconds, 1)}
        print("\n" + json.dumps(facts | {"faults": dict(self.faults)} | verdict))

    # A deploy

    def family(self) -> list[psutil.Process]:
        """Every process of the workers and of the scheduler."""
        found = []
        for process in (*self.workers, self.scheduler):
            with suppress(psutil.NoSuchProcess):
                parent = psutil.Process(process.pid)
                found += [*parent.children(recursive=True), parent]
        return found

    def deploy(self, grace: float = 10) -> None:
        """SIGTERM to every process, a new set at once, SIGKILL to those of the old that still run
        after `grace`."""
        old, dyno = [*self.workers, self.scheduler], self.family()
        for process in dyno:
            with suppress(psutil.NoSuchProcess):
                process.terminate()
        self.workers = [self.worker() for _ in self.workers]
        self.scheduler = Process("rqscheduler", **self.environment)
        self.faults["deploy"] += 1
        # An idle worker takes up to 3 s, one with a slice 2 s more.
        until = time.monotonic() + grace
        while time.monotonic() < until and any(each.popen.poll() is None for each in old):
            time.sleep(0.1)
        for each in old:
            with suppress(psutil.NoSuchProcess):  # a horse that was forked meanwhile
                dyno += psutil.Process(each.pid).children()
        for process in dyno:
            with suppress(psutil.NoSuchProcess):
                if process.status() != psutil.STATUS_ZOMBIE:
                    process.kill()
                    self.faults["killed after a deploy"] += 1
        for each in old:
            each.popen.wait()

    # Redis in trouble

    def empty_redis(self) -> None:
        self.redis.client().flushall()
        self.faults["FLUSHALL"] += 1

    def freeze_redis(self, seconds: float) -> None:
        """It takes connections and says nothing."""
        os.kill(self.redis.popen.pid, signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            os.kill(self.redis.popen.pid, signal.SIGCONT)
        self.faults[f"Redis frozen {seconds:g} s"] += 1

    def take_redis_away(self, seconds: float) -> None:
        """Nobody listens; then it is back, empty."""
        self.redis.kill()
        time.sleep(seconds)
        self.redis.start()
        self.faults[f"Redis away {seconds:g} s"] += 1

    def fill_redis(self, seconds: float) -> None:
        """It refuses to store anything, and throws nothing away."""
        client = self.redis.client()
        client.config_set("maxmemory", client.info("memory")["used_memory"] // 2)
        time.sleep(seconds)
        client.config_set("maxmemory", 0)
        self.faults[f"Redis full {seconds:g} s"] += 1

    def accepted(self) -> list[str]:
        """The addresses in the mail server's list, as often as each was accepted."""
        return self.accepted_file.read_text().split()

    def failed_jobs(self) -> list[str]:
        """Of RQ's list, which is for bugs: what each was, and its last words."""
        with self.redis.client() as client:
            ids = [each for name in QUEUES for each in client.zrange(f"rq:failed:{name}", 0, -1)]
            found = [Job.fetch(each.decode(), client).latest_result() for each in ids]
            return [f"{each.job_id}: {each.exc_string}" for each in found if each]

    def waiting_jobs(self) -> int:
        with self.redis.client() as client:
            return sum(int(client.llen(f"rq:queue:{name}")) for name in QUEUES)

    def quit_by_themselves(self) -> list[str]:
        """The last words of workers, and of a scheduler, that ended though nobody ended them."""
        everyone = (*self.workers, self.scheduler)
        return [each.output()[-3000:] for each in everyone if each.popen.poll() is not None]
