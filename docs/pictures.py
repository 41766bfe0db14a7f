"""Makes the pictures of README.md anew, in docs/: bin/pictures.

Starts bin/up --demo in a checkout of its own, looks at it with Chromium, and ends it.
"""

import io
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "site")]

from local.embedded import free_port  # noqa: E402
from tests.support import checkout  # noqa: E402

DOCS = ROOT / "docs"
SIZE = {"width": 1100, "height": 720}
STILL = {"desk": "/notices/", "notice": "/notices/2/", "people": "/people/", "health": "/health/"}
COLOURS = 64  # of a picture: it stays small
MOVING = (660, 432)
MOST_FRAMES = 24


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bellhop-pictures-") as name:
        folder = checkout.copy(Path(name) / "bellhop")
        settings = {"EMAIL_URL": "simulate:", "PORT": str(free_port())}
        environment = checkout.environment(**settings)
        run = checkout.Run(folder, [str(folder / "bin/up"), "--demo"], environment)
        try:
            run.wait_for("Ctrl-C", 240)
            told = re.search(r"ready: +(\S+)/.*password (\S+)", run.output(), re.DOTALL)
            assert told, run.output()
            with sync_playwright() as playwright:
                chromium = playwright.chromium.launch(
                    executable_path=shutil.which("chromium"), args=["--no-sandbox"]
                )
                page = chromium.new_page(base_url=told[1], viewport=SIZE, color_scheme="light")  # type: ignore[arg-type]
                page.set_default_timeout(60_000)
                sign_in(page, told[2])
                for picture, path in STILL.items():
                    page.goto(path)
                    page.wait_for_load_state("networkidle")
                    small(page.screenshot()).save(DOCS / f"{picture}.png", optimize=True)
                move(page, folder, environment)
                chromium.close()
        finally:
            run.signal(signal.SIGINT)
            run.end()
    for file in (*(DOCS / f"{each}.png" for each in STILL), DOCS / "undo.gif"):
        print(f"{file.relative_to(ROOT)}: {file.stat().st_size / 1000:.0f} KB")


def sign_in(page: Page, password: str) -> None:
    page.goto("/login/")
    page.fill("[name=username]", "staff")
    page.fill("[name=password]", password)
    page.press("[name=password]", "Enter")
    page.wait_for_url(re.compile(r"^(?!.*/login/)"))


def move(page: Page, folder: Path, environment: dict[str, str]) -> None:
    """Undo and progress: a notice from its asking on until it ended."""
    text = folder / "text.md"
    text.write_text("Dear ((name)),\n\nthe lift works again.\n")
    words = ("--subject", "The lift works again", "--text", str(text), "--channel", "email")
    number = subprocess.run(
        [folder / "bin/manage", "notice", "send", *words, "--everyone"],
        env=environment, check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    page.goto(f"/notices/{number}/")
    frames: list[Image.Image] = []
    while len(frames) < MOST_FRAMES and page.get_by_text("finished").count() == 0:
        frames.append(small(page.screenshot(), MOVING))
        time.sleep(1)
    frames.append(small(page.screenshot(), MOVING))
    times = [700] * (len(frames) - 1) + [3000]
    frames[0].save(
        DOCS / "undo.gif", save_all=True, append_images=frames[1:], duration=times, loop=0,
        optimize=True,
    )  # fmt: skip


def small(data: bytes, size: tuple[int, int] | None = None) -> Image.Image:
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    if size:
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    return picture.quantize(COLOURS, dither=Image.Dither.NONE)


if __name__ == "__main__":
    main()
