"""The schema's history, one revision per file, forward only. ``tools/draft_migration.py`` drafts the next."""
