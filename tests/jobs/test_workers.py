"""Work by several threads: results in the order of the parts, whatever the number of threads; errors come out."""

from __future__ import annotations

import threading

import pytest

from jobs import workers


@pytest.mark.parametrize("count", [1, 2])
def test_results_are_in_the_order_of_the_parts(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(workers, "workers", lambda: count)
    assert workers.mapped(lambda part: part**2, range(20)) == [part**2 for part in range(20)]
    assert workers.both(lambda: "one", lambda: 2) == ("one", 2)


def test_two_calls_run_at_the_same_time_and_the_other_starts_no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "workers", lambda: 2)
    met = threading.Barrier(2)

    def here() -> int:
        met.wait(timeout=30)
        return threading.get_ident()

    def there() -> list[int]:
        met.wait(timeout=30)
        return workers.mapped(lambda _: threading.get_ident(), range(4))

    one, others = workers.both(here, there)
    assert one == threading.get_ident()
    assert len(set(others)) == 1
    assert one not in others


def test_an_error_of_either_call_comes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "workers", lambda: 2)

    def failing() -> None:
        raise ValueError("no")

    for calls in ((failing, str), (str, failing)):
        with pytest.raises(ValueError, match="no"):
            workers.both(*calls)


def test_alone_one_thread_does_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "workers", lambda: 2)
    with workers.alone():
        found = workers.mapped(lambda _: threading.get_ident(), range(4))
    assert set(found) == {threading.get_ident()}
    met = threading.Barrier(2)
    assert len(workers.mapped(lambda _: met.wait(timeout=30), range(2))) == 2
