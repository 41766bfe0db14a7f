"""Picture codes: signed, derived, used once."""

import re
import time
import wave
from io import BytesIO
from random import Random

import pytest
from django.core.signing import BadSignature, SignatureExpired
from PIL import Image

from signup import drawing, pictures, speaking
from web.problems import Invalid, Unavailable


def refusal(picture_id, answer):
    with pytest.raises(Invalid) as caught:
        pictures.check(picture_id, answer)
    assert list(caught.value.errors) == ["image_code"]
    return caught.value.sentence


def other(answer):
    return f"{(int(answer) + 1) % 100_000:05d}"


def test_the_right_answer_passes_once():
    picture = pictures.new()
    pictures.check(picture, pictures.digits(picture))
    assert "used already" in refusal(picture, pictures.digits(picture))


def test_a_wrong_answer_uses_the_picture_up():
    picture = pictures.new()
    assert "other digits" in refusal(picture, other(pictures.digits(picture)))
    assert "used already" in refusal(picture, pictures.digits(picture))


def test_a_forged_picture_is_refused():
    mine, yours = pictures.new(), pictures.new()
    forged = mine.split(".")[0] + yours[yours.index(".") :]
    assert "not ours" in refusal(forged, "12345")
    assert "not ours" in refusal("", "12345")


def test_an_old_picture_is_refused(monkeypatch):
    picture = pictures.new()
    later = time.time() + pictures.LIFETIME + 2
    monkeypatch.setattr(time, "time", lambda: later)
    assert "too old" in refusal(picture, "12345")


def test_pictures_differ():
    shown = {pictures.digits(pictures.new()) for _ in range(50)}
    assert len(shown) > 45
    assert all(re.fullmatch("[02-9]{5}", digits) for digits in shown)


@pytest.mark.parametrize("make", [drawing.image, speaking.sound])
def test_a_picture_has_one_drawing_and_one_sound(make):
    picture, another = pictures.new(), pictures.new()
    assert make(picture) == make(picture)
    assert make(picture) != make(another)


def test_a_drawing_can_not_be_foreseen_from_its_address(settings):
    picture = pictures.new()
    drawn = pictures.chance(picture, "drawing").random()
    settings.SECRET_KEY = "another"
    assert pictures.chance(picture, "drawing").random() != drawn


def test_digits_do_not_overlap():
    """Each is put right of the one before."""
    for number in range(200):
        chance = Random(number)
        mask = Image.new("L", (drawing.WIDTH * drawing.SCALE, drawing.HEIGHT * drawing.SCALE))
        digits = [drawing.digit(each, chance) for each in "80648"]
        drawing.put(mask, digits, chance)
        columns = [mask.crop((x, 0, x + 1, mask.height)).getbbox() for x in range(mask.width)]
        inked = "".join("x" if each else " " for each in columns)
        assert len(inked.split()) == 5


@pytest.mark.parametrize(
    ("language", "wanted"), [("en", "en"), ("zh-hans", "zh-hans"), ("fr", "en")]
)
def test_digits_are_spoken_in_the_language_of_the_page(client, language, wanted):
    picture = client.get("/signup/picture/", headers={"accept-language": language}).json()
    assert pictures.spoken(picture["image_code_id"]) == wanted
    assert len(speaking.voices(wanted)) == 3
    spoken = client.get(picture["audio"], headers={"accept-language": "en"}).content
    assert spoken == speaking.sound(picture["image_code_id"])


def test_a_language_without_recordings_hears_english():
    assert speaking.voices("fr") == speaking.voices("en") != speaking.voices("zh-hans")


def test_a_sound_is_short_and_plays():
    with wave.open(BytesIO(speaking.sound(pictures.new()))) as sound:
        assert (sound.getnchannels(), sound.getframerate()) == (1, 8000)
        assert 4 < sound.getnframes() / 8000 < 9


def test_every_digit_that_is_shown_was_recorded():
    for language in ("en", "zh-hans"):
        for voice in speaking.voices(language):
            assert all(len(voice[int(digit)]) > 2000 for digit in pictures.SHOWN)


def test_the_fixed_code_is_right_for_any_picture(settings):
    settings.PICTURE_CODE_FIXED = "13579"
    picture = pictures.new()
    pictures.check(picture, "13579")
    assert "used already" in refusal(picture, "13579")
    assert "not ours" in refusal("made-up", "13579")
    assert drawing.image(picture)


def test_no_code_is_fixed_unless_settings_say_so(settings):
    assert settings.PICTURE_CODE_FIXED == ""
    assert "other digits" in refusal(pictures.new(), "")


def test_redis_away_is_said_and_not_taken_for_a_used_picture(settings):
    settings.CACHES = {
        "default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}
    }
    picture = pictures.new()
    with pytest.raises(Unavailable):
        pictures.check(picture, pictures.digits(picture))


def test_the_page_for_front_ends_gives_a_picture_and_a_sound(client):
    answer = client.get("/signup/picture/")
    body = answer.json()
    image, audio = client.get(body["image"]), client.get(body["audio"])
    assert set(body) == {"image_code_id", "image", "audio"}
    assert image.content.startswith(b"\x89PNG")
    assert image["Content-Type"] == "image/png"
    assert audio.content.startswith(b"RIFF")
    assert audio["Content-Type"] == "audio/wav"
    assert "no-store" in answer["Cache-Control"]
    for each in (image, audio):
        assert each["Cache-Control"] == "private, max-age=600"


@pytest.mark.parametrize("kind", ["png", "wav"])
def test_an_unknown_or_old_picture_is_not_found(client, monkeypatch, kind):
    picture = pictures.new()
    assert client.get(f"/signup/picture/nonsense.{kind}").status_code == 404
    later = time.time() + pictures.LIFETIME + 2
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(SignatureExpired):
        pictures.digits(picture)
    assert client.get(f"/signup/picture/{picture}.{kind}").status_code == 404


def test_drawing_is_limited_per_origin(client, monkeypatch):
    monkeypatch.setattr("signup.rates.SOUND", "1/minute")
    url = f"/signup/picture/{pictures.new()}.wav"
    assert client.get(url).status_code == 200
    answer = client.get(url)
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 60
    assert "max-age" not in answer.get("Cache-Control", "")


def test_a_picture_is_drawn_while_redis_is_away(client, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert client.get(f"/signup/picture/{pictures.new()}.png").status_code == 200


def test_posting_to_a_picture_is_refused(client):
    assert client.post("/signup/picture/").status_code == 405


def test_digits_of_nonsense_raise():
    with pytest.raises(BadSignature):
        pictures.digits("a.b.c")
