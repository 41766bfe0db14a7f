import pytest

from tests.faults.desk import Desk


@pytest.fixture
def desk(house):
    """The web process of the test's own `house`."""
    opened = Desk(house)
    yield opened
    opened.close()
