"""A file whose bytes come as a stream: forward at no cost, backward by beginning anew."""

import io
from collections import deque
from collections.abc import Callable, Generator

from sakimori.collect.archives import Unreadable

WINDOW = 1024 * 1024
"""Bytes behind the furthest that was read which are kept, so that short ways back cost nothing."""


class Streamed(io.BufferedIOBase):
    """Reads what ``begin`` gives; ``begin`` is called again only where a reader goes further back than ``WINDOW``.

    What cannot be read is raised by the read that would have begun with it, so that all before it is had. Where
    ``size`` is given, the bytes were all read before: what is not there any more then reads as the end of the file.
    """

    def __init__(
        self,
        begin: Callable[[], Generator[bytes]],
        *,
        size: int | None = None,
        head: bytes = b"",
        tail: bytes = b"",
    ) -> None:
        """``head``, ``tail``: first and last bytes of the stream that are at hand. ``tail`` needs the ``size``."""
        self._begin = begin
        self._size = size
        self._head = head
        self._tail = tail
        self._position = 0
        self._blocks: Generator[bytes] | None = None
        self._window: deque[tuple[int, bytes]] = deque()
        """Blocks with their places in the stream."""
        self._reached = 0
        """The end of the last of them."""
        self._end: Unreadable | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if whence == io.SEEK_CUR:
            offset += self._position
        elif whence == io.SEEK_END:
            if self._size is None:
                raise io.UnsupportedOperation("the end of a stream is not known")
            offset += self._size
        self._position = max(0, offset)
        return self._position

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = size if size is not None and size >= 0 else 1 << 62
        if self._size is not None:
            wanted = min(wanted, max(0, self._size - self._position))
        pieces: list[bytes] = []
        while wanted > 0:
            try:
                piece = self._piece(wanted)
            except Unreadable:
                if pieces or self._size is not None:
                    break
                raise
            if not piece:
                break
            pieces.append(piece)
            wanted -= len(piece)
            self._position += len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def read1(self, size: int = -1, /) -> bytes:
        return self.read(size if size >= 0 else WINDOW)

    def peek(self, size: int = 0, /) -> bytes:  # IOBase.readline looks for it; without, it reads byte by byte
        data = self.read(max(size, 8192))
        self._position -= len(data)
        return data

    def close(self) -> None:
        if self._blocks is not None:
            self._blocks.close()
            self._blocks = None
        self._window.clear()
        super().close()

    def _piece(self, most: int) -> bytes:
        """Some bytes from the position on; empty at the end."""
        at = self._position
        if at < len(self._head):
            return self._head[at : at + most]
        if self._tail and self._size is not None and at >= self._size - len(self._tail):
            at -= self._size - len(self._tail)
            return self._tail[at : at + most]
        if self._blocks is None or (at < self._reached and at < self._window[0][0]):
            self._restart()
        while at >= self._reached and self._pull():
            pass
        for start, block in reversed(self._window):
            if start <= at < start + len(block):
                return block if start == at and most >= len(block) else block[at - start : at - start + most]
        return b""

    def _restart(self) -> None:
        if self._blocks is not None:
            self._blocks.close()
        self._window.clear()
        self._reached, self._end = 0, None
        self._blocks = self._begin()

    def _pull(self) -> bool:
        """Read one more block; False at the end."""
        if self._end is not None:
            raise self._end
        assert self._blocks is not None
        try:
            block = next(self._blocks, None)
        except Unreadable as error:
            self._end = error
            raise
        if block is None:
            return False
        self._window.append((self._reached, block))
        self._reached += len(block)
        while self._window and self._window[0][0] + len(self._window[0][1]) < self._reached - WINDOW:
            self._window.popleft()
        return True
