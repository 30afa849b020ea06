"""The data dictionary is what the contract says, on every machine."""

from __future__ import annotations

import schemas
from schemas.dictionary import DOCUMENT, document


def test_the_dictionary_is_up_to_date() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == document(), "run `python -m schemas.dictionary`"


def test_every_table_column_and_gate_is_in_it() -> None:
    text = document()

    for table in (*schemas.FEEDS.values(), *schemas.TABLES.values()):
        assert table.meaning in text
        assert not [c.name for c in table.columns if f"`{c.name}`" not in text]
    for feed in schemas.FEEDS.values():
        assert f"When absent: {feed.absent}" in text
        assert not [check.name for check in (*feed.checks, *feed.gates) if f"`{check.name}`" not in text]


def test_nothing_in_it_depends_on_the_machine() -> None:
    # Time zones come from the operating system.
    assert "Europe/Berlin" not in document()
