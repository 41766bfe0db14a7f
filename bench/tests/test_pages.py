"""The benchmarks of preparing and of pages, in small."""

import pytest

from bench import audiences, pages, place, preparing, uploads
from tests.support import postgresql

pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def _sqlite(monkeypatch):
    monkeypatch.setattr(postgresql, "programs", lambda: None)


def test_pages_are_asked_over_two_databases(monkeypatch):
    monkeypatch.setattr(pages, "MANY", 300)
    monkeypatch.setattr(pages, "FEW", 100)
    result = pages.run(1, full=False)
    assert {row.contender for row in result.figures} == {"Bellhop, over 300", "over 100"}
    assert {len(row.runs) for row in result.figures} == {1}
    assert not result.targets  # the design promises none


def test_preparing_is_measured_from_the_request_to_the_last_row():
    figures = preparing.Figures()
    with place.opened() as here:
        desk = preparing.Desk(here, 20, "SQLite")
        page, _ = desk.accept(audience="everyone")
        preparing.prepare(figures, desk, page, "Bellhop, 20 people", "SQLite", 21)
    assert [row.what for row in figures.rows.values()] == [
        "preparing, SQLite", "peak memory, SQLite",
    ]  # fmt: skip
    assert 20 < figures.worst("peak memory") < 500


def test_audience_is_counted_and_prepared(monkeypatch):
    monkeypatch.setattr(audiences, "SIZES", (20,))
    figures = audiences.run(1, full=False).figures
    assert [row.what for row in figures] == [
        "counting, SQLite", "preparing, SQLite", "peak memory, SQLite",
    ]  # fmt: skip


def test_file_is_dropped_and_checked(monkeypatch):
    monkeypatch.setattr(uploads, "ROWS", 20)
    figures = uploads.run(1, full=False).figures
    assert {row.what for row in figures} == {"reading", "both", "peak memory"}
    assert len({row.contender for row in figures}) == 4


def test_rows_by_hand_are_as_many_as_people():
    figures = preparing.Figures()
    preparing.by_rows(figures, "SQLite", 20)
    [row] = figures.rows.values()
    assert row.contender == "bulk_create, 20 rows"
    assert row.median > 0
