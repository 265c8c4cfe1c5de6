"""Providers: a request that may leave goes in; the answer of the first provider that gives one comes out.

``Providers`` says which there are, ``Router`` which of them may serve a call, ``Upstreams`` speaks to them: what fails
before its first byte is tried at the next without anybody noticing. ``Health`` knows which are well; ``Watch`` tells it
which the operator cut off, in whichever process, and ``Credentials`` which keys to show.
"""
