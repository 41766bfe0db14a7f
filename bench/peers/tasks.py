"""The tasks of the Celery project."""

from bench.peers import sending
from bench.peers.tutorial import app

email = app.task(sending.email, name="email")
sms = app.task(sending.sms, name="sms")
code = app.task(sending.code, name="code")
