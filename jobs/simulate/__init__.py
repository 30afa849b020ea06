"""The synthetic world and the closed loop that replays nights (still to come)."""
