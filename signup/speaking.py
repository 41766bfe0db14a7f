"""The sound of a picture code: its digits, spoken in the language of the page by several voices.

Every digit is said faster or slower with a pitch that sways, over voices that play backwards and
noise: its waveform is never that of the recording (bench/solvers.py has the figures).
"""

import math
import wave
from functools import cache
from io import BytesIO
from pathlib import Path
from random import Random

from signup import pictures

FOLDER = Path(__file__).parent / "recordings"
RATE = 8000  # samples a second, of a byte each; 128 is silence
SPEED, SWAY, SWAYS = (0.85, 1.18), 0.05, (2.0, 6.0)  # sways a second
LOUD, BACKGROUND, NOISE = (0.65, 0.9), (0.1, 0.16), 0.06
PAUSE = (0.35, 0.7)  # seconds

Samples = list[float]  # -1 to 1


@cache
def voices(language: str) -> list[list[Samples]]:
    """Each voice's ten digits. English where we have no recordings."""
    files = sorted(FOLDER.glob(f"{language}-*.wav"))
    return [digits(file) for file in files] or voices("en")


def digits(file: Path) -> list[Samples]:
    """A recording has ten parts of the same length, filled up with silence."""
    with wave.open(str(file)) as recording:
        sound = recording.readframes(recording.getnframes())
    length = len(sound) // 10
    parts = [
        sound[start : start + length].rstrip(b"\x80") for start in range(0, 10 * length, length)
    ]
    return [[(byte - 128) / 128 for byte in part] for part in parts]


def sound(picture_id: str) -> bytes:
    """WAV, the same bytes each time. Raises BadSignature."""
    code = pictures.digits(picture_id)
    chance = pictures.chance(picture_id, "sound")
    known = voices(pictures.spoken(picture_id))
    said = pause(chance)
    for char in code:
        loudness = chance.uniform(*LOUD)
        said += [loudness * each for each in swayed(chance.choice(known)[int(char)], chance)]
        said += pause(chance)
    behind, noise = murmur(known, len(said), chance), chance.randbytes(len(said))
    mixed = bytes(
        min(255, max(0, round(128 + 127 * (voice + other + NOISE * (byte / 128 - 1)))))
        for voice, other, byte in zip(said, behind, noise, strict=True)
    )
    out = BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 1, RATE, 0, "NONE", ""))
        file.writeframes(mixed)
    return out.getvalue()


def pause(chance: Random) -> Samples:
    return [0.0] * int(chance.uniform(*PAUSE) * RATE)


def swayed(recording: Samples, chance: Random) -> Samples:
    """At another speed, which goes up and down while it is said."""
    speed, begin = chance.uniform(*SPEED), chance.uniform(0, math.tau)
    turn = math.tau * chance.uniform(*SWAYS) / RATE
    heard, at = [], 0.0
    while at < len(recording) - 1:
        before, part = int(at), at % 1
        heard.append(recording[before] * (1 - part) + recording[before + 1] * part)
        at += speed * (1 + SWAY * math.sin(begin + turn * len(heard)))
    return heard


def murmur(known: list[list[Samples]], length: int, chance: Random) -> Samples:
    """Voices behind, backwards, so that nobody takes them for digits."""
    heard: Samples = []
    while len(heard) < length:
        loudness = chance.uniform(*BACKGROUND)
        backwards = chance.choice(chance.choice(known))[::-1]
        heard += [loudness * each for each in swayed(backwards, chance)]
    return heard[:length]
