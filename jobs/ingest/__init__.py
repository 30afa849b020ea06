"""Landing files -> bronze -> silver."""
