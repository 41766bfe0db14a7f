"""An SMS gateway that is busy every other time and then hangs: python hanging.py PORT FOLDER SEED
AFTER. After so many questions nobody gets an answer, but half of them the message. With AFTER 0 it
is always well. Otherwise as gateway.py.
"""

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.faults.gateway import Gateway


class Hanging(Gateway):
    after = 0
    questions = 0

    def judge(self, address: str) -> tuple[int, int]:
        with self.lock:
            self.questions += 1
            status = 200
            if self.after and self.questions > self.after:
                status = 0
            elif self.after and self.questions % 2:
                status = 503
            if status == 200 or (status == 0 and int(address[-1]) % 2):
                self.accepted.write(f"{address}\n")
            facts = {"to": address, "at": time.time(), "status": status, "wait": 0}
            self.asked.write(json.dumps(facts) + "\n")
        return status, 0


if __name__ == "__main__":
    port, folder, seed, after = sys.argv[1:]
    with Hanging(int(port), Path(folder), seed, (0, 0, 0)) as gateway:
        gateway.after = int(after)
        print("Gateway listens", flush=True)
        gateway.serve_forever()
