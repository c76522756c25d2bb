from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.publish.journals import close_all

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_all()
