"""The sound of a picture code."""

from captcha.audio import AudioCaptcha

from signup import pictures

voice = AudioCaptcha()


def sound(picture_id: str) -> bytes:
    """WAV, the digits spoken in English. Raises BadSignature."""
    return bytes(voice.generate(pictures.digits(picture_id)))
