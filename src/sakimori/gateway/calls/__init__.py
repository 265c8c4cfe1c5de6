"""One call: an HTTP request comes in; what its client hears goes out, and a settled reservation with its ledger entry.

``arrival`` and ``headers`` take what a client may send; ``caller`` says who calls; ``admission`` decides and tokenises;
``reservation`` holds what it may cost; ``writer`` writes many calls down at a time; ``call`` goes to providers and back
through the boundary; ``settlement`` books what was used; ``interruption`` ends calls early; ``sealing`` seals the
ledger behind them, ``tidying`` keeps commits short, and ``sweeping`` ends calls whose process died.
"""
