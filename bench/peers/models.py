from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """As in the tutorials: Django's own, with a mobile."""

    mobile = models.CharField(max_length=16, unique=True)
