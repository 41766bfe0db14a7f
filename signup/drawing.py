"""The picture of a picture code: five digits over stripes, each partly dark on light and partly
light on dark, with two lines through them. People see shapes; a program that reads text finds no
digit of one colour (bench/solvers.py has the figures)."""

import math
from io import BytesIO
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageFont

from signup import pictures

SIZE = WIDTH, HEIGHT = (240, 90)
SCALE = 2  # drawn larger, then made smaller: smooth edges
INK, PAPER = (40, 50, 90), (245, 243, 235)
STRIPES, LINES, LINE_WIDTH = 5, 2, 2
MARGIN, GAP = 5, (3, 7)  # between digits, which never touch
TURN, LEAN = math.radians(18), 0.2


def image(picture_id: str) -> bytes:
    """PNG, the same bytes each time: several drawings of the same digits are easier to read by
    machine than one. Raises BadSignature."""
    digits = pictures.digits(picture_id)
    chance = pictures.chance(picture_id, "drawing")
    mask = Image.new("L", (WIDTH * SCALE, HEIGHT * SCALE))
    put(mask, [digit(each, chance) for each in digits], chance)
    for layer in (stripes(mask.size, chance), lines(mask.size, chance)):
        mask = ImageChops.difference(mask, layer)
    mask = mask.resize(SIZE, Image.Resampling.LANCZOS)
    drawn = Image.composite(Image.new("RGB", SIZE, INK), Image.new("RGB", SIZE, PAPER), mask)
    out = BytesIO()
    drawn.quantize(32).save(out, "PNG")
    return out.getvalue()


def digit(char: str, chance: Random) -> Image.Image:
    """Turned, leaning, wider or narrower; cut out without a margin."""
    # A font of its own each time: FreeType's are not shared between threads.
    font = ImageFont.load_default(64 * SCALE * chance.uniform(0.95, 1.15))
    middle = 55 * SCALE
    drawn = Image.new("L", (2 * middle, 2 * middle))
    ImageDraw.Draw(drawn).text(
        (middle, middle), char, 255, font, anchor="mm", stroke_width=2 * SCALE
    )
    turn, lean = chance.uniform(-TURN, TURN), chance.uniform(-LEAN, LEAN)
    stretch = chance.uniform(0.9, 1.2)
    across = (math.cos(turn) / stretch, (math.sin(turn) + lean * math.cos(turn)) / stretch)
    down = (-math.sin(turn), math.cos(turn))
    about_middle = [(x, y, middle * (1 - x - y)) for x, y in (across, down)]
    turned = drawn.transform(
        drawn.size,
        Image.Transform.AFFINE,
        [*about_middle[0], *about_middle[1]],
        Image.Resampling.BILINEAR,
    )
    return turned.crop(turned.getbbox())


def put(mask: Image.Image, digits: list[Image.Image], chance: Random) -> None:
    """Side by side, each somewhat higher or lower; narrower where there is no room."""
    gaps = [int(chance.uniform(*GAP) * SCALE) for _ in digits[1:]]
    room = mask.width - 2 * MARGIN * SCALE - sum(gaps)
    narrow = min(1.0, room / sum(each.width for each in digits))
    tallest = mask.height - 2 * MARGIN * SCALE
    fitted = [each.resize((int(each.width * narrow), min(each.height, tallest))) for each in digits]
    left = MARGIN * SCALE + chance.randint(0, max(0, room - sum(each.width for each in fitted)))
    for each, gap in zip(fitted, [*gaps, 0], strict=True):
        top = MARGIN * SCALE + chance.randint(0, tallest - each.height)
        mask.paste(255, (left, top), each)
        left += each.width + gap


def stripes(size: tuple[int, int], chance: Random) -> Image.Image:
    drawn = Image.new("L", size)
    width, height = size
    step = width / STRIPES
    # Never upright: they would look like ones.
    slant = chance.choice((-1, 1)) * chance.uniform(0.8, 1.2) * height
    left = chance.uniform(-3, -2) * step
    while left < width + 3 * step:
        right = left + step * chance.uniform(0.35, 0.65)
        corners = [(left, 0), (right, 0), (right + slant, height), (left + slant, height)]
        ImageDraw.Draw(drawn).polygon(corners, 255)
        left += step
    return drawn


def lines(size: tuple[int, int], chance: Random) -> Image.Image:
    drawn = Image.new("L", size)
    width, height = size
    for _ in range(LINES):
        middle, swing = chance.uniform(0.2, 0.8) * height, chance.uniform(0.15, 0.4) * height
        begin, waves = chance.uniform(0, math.tau), chance.uniform(0.8, 2.2)
        points = [
            (x, middle + swing * math.sin(begin + waves * math.tau * x / width))
            for x in range(-8, width + 8, 4)
        ]
        ImageDraw.Draw(drawn).line(points, 255, int(LINE_WIDTH * SCALE), joint="curve")
    return drawn
