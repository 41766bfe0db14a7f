#!/usr/bin/env python
"""Puts site/ on the path, then hands over to Django (docs/decisions/site-folder.md)."""

import os
import sys
from pathlib import Path

sys.path.insert(1, str(Path(__file__).parent / "site"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

if __name__ == "__main__":
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as problem:  # its sentence names the setting, and says all
        sys.exit(str(problem))
