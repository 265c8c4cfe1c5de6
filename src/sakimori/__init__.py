"""Sakimori (防人): cyber-defence for financial institutions, with frontier models as a controlled line of defence."""
