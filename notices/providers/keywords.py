"""The words by which people opt out of SMS, and in again, in every market. docs/receipts.md says
where they come from. A message is one of these words, or none: to contain one says nothing.
"""

import unicodedata
from enum import Enum

__all__ = ["Wish", "read"]

STOPS = {
    "United States": "STOP QUIT END REVOKE OPTOUT CANCEL UNSUBSCRIBE STOPALL REMOVE",
    "Chinese": "TD T R 退订 退訂",
    "French": "ARRET ARRETER",
    "German": "STOPP ABMELDEN",
    "Spanish": "ALTO BAJA CANCELAR DETENER PARAR",
    "Portuguese": "PARAR SAIR CANCELAR",
    "Italian": "CANCELLA DISISCRIVI",
    "Dutch": "AFMELDEN UITSCHRIJVEN",
    "Scandinavian": "STOPP AFMELD AVSLUTA AVREGISTRER",
    "Turkish": "RET IPTAL",
    "Russian": "СТОП",
    "Japanese": "停止 配信停止",
    "Korean": "수신거부",
}
STARTS = {"United States": "START UNSTOP YES", "Chinese": "订阅 訂閱"}

Wish = Enum("Wish", "STOP START")


def letters(text: str) -> str:
    """What is left of a text when neither how it is set nor accents, spaces, punctuation and marks
    that nobody sees count: "Opt-out." is "OPTOUT", and "Arrêt" is "ARRET"."""
    plain = unicodedata.normalize("NFKD", text.upper())
    return "".join(filter(str.isalnum, plain))


WORDS = {letters(word): Wish.START for words in STARTS.values() for word in words.split()}
WORDS |= {letters(word): Wish.STOP for words in STOPS.values() for word in words.split()}
LONGEST = 100  # characters that are looked at


def read(text: str) -> Wish | None:
    """What the person wants who answers this; None when it is neither."""
    return WORDS.get(letters(text)) if len(text) <= LONGEST else None
