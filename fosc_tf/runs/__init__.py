"""One run: its work folder from the config to the report, locked, recorded, resumable."""
