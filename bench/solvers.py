"""How much of the picture codes programs solve that anybody can have. By hand, not in CI:

    python -m bench.solvers make DIR 300         in Bellhop's own environment: pictures and sounds
    python -m venv /tmp/solvers && /tmp/solvers/bin/pip install ddddocr numpy
    /tmp/solvers/bin/python bench/solvers.py read DIR          (and tesseract, if it is installed)

Pictures are read as they are and with the three filters that one tries first. Sounds are compared
with our own recordings, which whoever attacks us has, too.
"""

import io
import shutil
import subprocess
import sys
import wave
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

RECORDINGS = Path(__file__).resolve().parent.parent / "signup" / "recordings"


def make(folder: Path, number: int) -> None:
    """Files that are named by what they say."""
    import os

    import django

    root = Path(__file__).resolve().parent.parent
    sys.path[:0] = [str(root), str(root / "site")]
    os.environ |= {"DJANGO_SETTINGS_MODULE": "config.settings", "DEBUG": "1", "SECRET_KEY": "bench"}
    django.setup()
    from django.utils.translation import override

    from signup import drawing, pictures, speaking

    folder.mkdir(parents=True, exist_ok=True)
    for language in ("en", "zh-hans"):
        with override(language):
            for count in range(number // 2):
                each = pictures.new()
                name = f"{pictures.digits(each)}-{language}-{count}"
                (folder / f"{name}.png").write_bytes(drawing.image(each))
                (folder / f"{name}.wav").write_bytes(speaking.sound(each))


# Pictures


def filtered(image: Any) -> Iterator[tuple[str, Any]]:
    from PIL import ImageChops, ImageFilter

    grey = image.convert("L")
    yield "as it is", image.convert("RGB")
    yield "median", grey.filter(ImageFilter.MedianFilter(5))
    yield "edges", ImageChops.invert(grey.filter(ImageFilter.FIND_EDGES))
    blurred = grey.filter(ImageFilter.GaussianBlur(8))
    yield "local contrast", ImageChops.subtract(grey, blurred, 0.5, 128)


def png(image: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def tesseract(picture: bytes) -> str:
    command = ["tesseract", "-", "-", "--psm", "7", "-c", "tessedit_char_whitelist=0123456789"]
    run = subprocess.run(command, input=picture, capture_output=True, check=True)
    return "".join(run.stdout.decode().split())


def ddddocr() -> Callable[[bytes], str]:
    import ddddocr as package

    reader = package.DdddOcr(show_ad=False)
    return lambda picture: str(reader.classification(picture))


def read_pictures(folder: Path) -> None:
    from PIL import Image

    solvers = {"ddddocr": ddddocr()}
    if shutil.which("tesseract"):
        solvers["tesseract"] = tesseract
    right: Counter[tuple[str, str]] = Counter()
    files = sorted(folder.glob("*.png"))
    for file in files:
        for filter_name, image in filtered(Image.open(file)):
            for solver, read in solvers.items():
                right[solver, filter_name] += read(png(image)) == file.name[:5]
    for (solver, filter_name), solved in sorted(right.items()):
        print(f"{solver}, {filter_name}: {solved / len(files):.1%} of {len(files)} pictures")


# Sounds

RATE, DIGITS, SPOKEN = 8000, 10, 5
SPEEDS = (0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15)


def samples(file: Path) -> Any:
    """-1 to 1."""
    import numpy

    with wave.open(str(file)) as sound:
        raw = numpy.frombuffer(sound.readframes(sound.getnframes()), numpy.uint8)
    return raw.astype(float) / 128 - 1


def recordings(language: str, speeds: tuple[float, ...]) -> list[tuple[str, Any]]:
    """Each digit of each voice at each speed, of length 1 as a vector."""
    import numpy

    found = []
    for file in sorted(RECORDINGS.glob(f"{language}-*.wav")):
        for digit, part in enumerate(numpy.split(samples(file), DIGITS)):
            said = part[: numpy.nonzero(part)[0][-1] + 1]
            for speed in speeds:
                at = numpy.arange(0, len(said) - 1, speed)
                as_fast = numpy.interp(at, numpy.arange(len(said)), said)
                found.append((str(digit), as_fast / numpy.linalg.norm(as_fast)))
    return found


def correlated(heard: Any, known: list[tuple[str, Any]]) -> str:
    """The five best matches that do not overlap, in the order in which they are heard."""
    import numpy

    size = 2 ** int(numpy.ceil(numpy.log2(2 * len(heard))))
    spectrum = numpy.fft.rfft(heard, size)
    energy = numpy.concatenate([[0], numpy.cumsum(heard**2)])
    best = numpy.zeros((DIGITS, len(heard)))
    for digit, part in known:
        score = numpy.fft.irfft(spectrum * numpy.conj(numpy.fft.rfft(part, size)), size)
        ends = numpy.minimum(numpy.arange(len(heard)) + len(part), len(heard))
        loud = numpy.sqrt(energy[ends] - energy[: len(heard)]) + 0.5
        row = best[int(digit)]
        numpy.maximum(row, score[: len(heard)] / loud, out=row)
    picked = []
    for _ in range(SPOKEN):
        which, at = divmod(int(best.argmax()), len(heard))
        picked.append((at, str(which)))
        best[:, max(0, at - RATE * 2 // 5) : at + RATE * 2 // 5] = 0
    return "".join(digit for _at, digit in sorted(picked))


def hear_sounds(folder: Path) -> None:
    files = sorted(folder.glob("*.wav"))
    for name, speeds in (("as recorded", (1.0,)), (f"at {len(SPEEDS)} speeds", SPEEDS)):
        known = {language: recordings(language, speeds) for language in ("en", "zh-hans")}
        right, digits = 0, 0
        for file in files:
            code, _dash, rest = file.stem.partition("-")
            heard = correlated(samples(file), known[rest.rpartition("-")[0]])
            right += heard == code
            digits += sum(map(str.__eq__, heard, code))
        share = digits / len(files) / SPOKEN
        print(
            f"correlation {name}: {right / len(files):.1%} of {len(files)}, {share:.0%} of digits"
        )


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        hear_sounds(Path(sys.argv[2]))
        read_pictures(Path(sys.argv[2]))
