"""The schema's history, one revision per file, forward only. ``python -m sakimori.store.migrations`` drafts one."""
