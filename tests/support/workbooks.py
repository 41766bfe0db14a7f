"""Workbooks as people send them."""

import io

from openpyxl import Workbook


def workbook(*rows):
    """The bytes of one with these rows, whose cells are of the types given."""
    book, file = Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(file)
    return file.getvalue()
