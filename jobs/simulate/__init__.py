"""Nights replayed in a closed loop under several policies; the synthetic world (``world``)."""
