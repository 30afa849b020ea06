"""The registered models as text, for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from jobs.forecast.registry import Row, champion

_METRICS = ("wape", "bias", "pinball", "coverage_80")
_HEAD = ("", "model", "grain", "trained for", "champion from", "rows", *_METRICS, "why")


def text(models: Sequence[Row]) -> str:
    """One line a row of ops/models, oldest first; * marks the champion that the newest night uses."""
    if not models:
        return "No model has been trained yet; the baseline forecasts. `nightfill nightly --train always` trains one."
    newest = max(m["champion_from"] or m["business_date"] for m in models)
    now = [champion(models, newest, grain) for grain in sorted({m["grain"] for m in models})]
    lines = [_HEAD, *(_line(model, model in now) for model in sorted(models, key=lambda m: (m["trained"], m["model_id"])))]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines)


def _line(model: Row, marked: bool) -> tuple[str, ...]:
    metrics = dict(model["metrics"] or {})
    first = model["champion_from"] or (model["business_date"] if model["champion"] else None)
    return (
        "*" if marked else "",
        model["model_id"],
        model["grain"],
        str(model["business_date"]),
        str(first or "never"),
        f"{model['rows']:,}",
        *(f"{float(metrics[name]):.4f}" if name in metrics else "" for name in _METRICS),
        model["reason"] or "",
    )
