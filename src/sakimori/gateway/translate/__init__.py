"""Translation: what one endpoint was asked, in the words of another that a provider speaks, and its answer back.

Comes in: a request as it would leave (``Endpoint.translate``). Goes out: a ``Translated``. What cannot be said
faithfully is refused by name; nothing is left out that could change the answer.
"""
