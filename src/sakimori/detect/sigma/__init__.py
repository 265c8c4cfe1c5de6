"""Sigma: rules compiled to our own plan and matched over batches.

``load`` reads files (pySigma parses), ``convert`` and ``compile`` make the plan, ``library`` keeps it, ``kind``
prepares it for a sort of event, ``column`` and ``scan`` classify distinct values, ``match`` evaluates, ``correlate``
follows groups over time, ``finding`` says what was found.
"""
