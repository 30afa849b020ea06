"""Train, predict, backtest, and the registry of models."""
