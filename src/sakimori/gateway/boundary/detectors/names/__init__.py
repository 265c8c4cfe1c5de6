"""People, organisations, places and where they are."""
