"""A remote file read in parts, each kept: what came once is never asked for again.

GDAL, pyogrio and pyarrow read it as they read any open file, so a window of a GeoTIFF and some row
groups of a GeoParquet cost only their bytes. What has come stands in a folder of its own as pages
of one sparse file, so that a cut download goes on where it stopped, another region uses what the
first one fetched, and all works without a network afterwards.
"""

import contextlib
import hashlib
import io
import json
import logging
import math
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from manul.grid import plain_files
from manul.retrieval.addresses import Piece

logging.getLogger("urllib3").setLevel("ERROR")  # each repeat is one of its warnings
PAGE = 16384  # bytes that are asked for at once, at least
BUSY = (408, 425, 429, 500, 502, 503, 504)
AGENT = "Manul (conservation maps of the Pallas's cat; one connection, keeps what it has read)"
# How the files of a format begin.
BEGINS = {
    "tiff": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    "zip": (b"PK",),
    "gpkg": (b"SQLite format 3",),
    "parquet": (b"PAR1",),
    "json": (b"{", b"["),
}
REFUSED = 1  # how often a server that takes no connection is asked again
PASS_S = 1200  # how long a pass is used
MOST_WORDS = 120  # of a page that came in place of a file


class RemoteError(OSError):
    """A remote file that cannot be read; the message names the address and the reason."""

    def __init__(self, address: str, why: str):
        super().__init__(f"{address}: {why}")
        self.address, self.why = address, why


class NotThereError(RemoteError):
    """The server says that there is no such file."""


@dataclass
class Link:
    """How servers are asked: mirrors, proxy, patience; and what has come in all.

    `mirrors` maps the beginning of an address to what stands in its place. `tries`: how often a
    request is repeated while nothing comes, with waits of `wait_s`, twice that, and so on; a server
    that says how long to wait is obeyed. `heard(bytes)` is called for what has arrived.
    """

    cache: Path
    mirrors: Mapping[str, str] = field(default_factory=dict)
    proxy: str = ""
    tries: int = 6
    wait_s: float = 2.0
    timeout_s: float = 60.0
    heard: Callable[[int], None] = lambda count: None
    received: int = 0
    passes: dict[str, set[str]] = field(default_factory=dict)  # who signs which addresses
    _signed: dict[str, tuple[float, str]] = field(default_factory=dict)

    def __post_init__(self):
        self.session = requests.Session()
        self.session.headers["User-Agent"] = AGENT
        self.session.headers["Accept-Encoding"] = "identity"  # parts of a file as it stands
        if self.proxy:
            self.session.proxies = {"http": self.proxy, "https": self.proxy}
        again = Retry(
            total=self.tries, connect=min(self.tries, REFUSED), backoff_factor=self.wait_s,
            status_forcelist=BUSY,
            allowed_methods=None, respect_retry_after_header=True, raise_on_status=False,
        )  # fmt: skip
        for start in ("http://", "https://"):
            self.session.mount(start, HTTPAdapter(max_retries=again))

    def place(self, address: str) -> str:
        """The address to ask: that of the longest mirror that fits, else the address itself."""
        fitting = [start for start in self.mirrors if address.startswith(start)]
        if not fitting:
            return address
        start = max(fitting, key=len)
        return self.mirrors[start] + address[len(start) :]

    def ask(self, address: str, method: str = "GET", **options) -> requests.Response:
        """An answer that is not an error; raises `NotThereError` or `RemoteError`."""
        try:
            place = self.place(self._with_pass(address))
            answer = self.session.request(
                method, place, timeout=self.timeout_s, stream=True, **options
            )
        except requests.RequestException as error:
            asked = self.place(address)
            instead = "" if asked == address else f" ({asked} was asked, by `retrieval.mirrors`)"
            raise RemoteError(address, _in_words(error, self) + instead) from None
        if answer.status_code in (404, 410):
            raise NotThereError(address, f"the server has no such file ({answer.status_code})")
        if answer.status_code >= 400 and answer.status_code != 416:
            raise RemoteError(address, f"the server answered {_status(answer)}")
        return answer

    def page(self, address: str, key: str, method: str = "GET", **options) -> dict:
        """An answer in JSON with a list under `key`; raises `RemoteError`."""
        with self.ask(address, method, **options) as answer:
            data = answer.content
        self.count(len(data))
        try:
            page = json.loads(data)
        except ValueError:
            page = None
        if not isinstance(page, dict) or not isinstance(page.get(key), list):
            raise RemoteError(address, f"the answer is no page of {key}")
        return page

    def _with_pass(self, address: str) -> str:
        """The address with the pass that some servers want; a pass holds for PASS_S."""
        signer = next((s for s, files in self.passes.items() if address in files), None)
        if signer is None:
            return address
        when, signed = self._signed.get(address, (-math.inf, ""))
        if time.monotonic() - when > PASS_S:
            try:
                with self.ask(signer.format(address=quote(address, safe=""))) as answer:
                    signed = answer.json()["href"]
            except (ValueError, KeyError, TypeError):
                raise RemoteError(address, "the server that signs addresses gave none") from None
            self._signed[address] = time.monotonic(), signed
        return signed

    def count(self, number: int) -> None:
        self.received += number
        self.heard(number)


class RemoteFile(io.RawIOBase):
    """A remote file, read by anything that reads open files.

    `format` names how it must begin (see BEGINS). With `offline` nothing is asked, and what is not
    in the cache is an error.
    """

    def __init__(self, link: Link, address: str, format: str = "", offline: bool = False):
        super().__init__()
        self.link, self.address, self.format, self.offline = link, address, format, offline
        home = hashlib.sha256(address.encode()).hexdigest()[:32]
        self.home = link.cache / (urlsplit(address).hostname or "files") / home
        self._at = 0
        self._known = self._read_state()
        if not self._known:
            self._fetch(0, 1)
        self._check_beginning()

    # What every open file has.

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        end = self.size if size is None or size < 0 else min(self._at + size, self.size)
        if end <= self._at:
            return b""
        self._fetch(self._at, end)
        with self._data.open("rb") as kept:
            kept.seek(self._at)
            found = kept.read(end - self._at)
        self._at = end
        return found

    def readinto(self, buffer) -> int:
        found = self.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)

    # What is known of it.

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        return self._known["size"]

    @property
    def state(self) -> dict:
        """What the server said of this version: size, etag, modified; and when it was asked."""
        return {k: v for k, v in self._known.items() if k != "pages"}

    def whole(self) -> Path:
        """The path of the file after all of it has come."""
        self._fetch(0, self.size)
        return self._data

    def changed(self) -> bool:
        """True where the server now has another version; what was kept is then dropped."""
        with self.link.ask(self.address, headers={"Range": "bytes=0-0"}) as answer:
            now = _version(answer, self._known["size"])
        old = {key: self._known.get(key) for key in now}
        if all(now[key] == old[key] for key in now if now[key] and old[key]):
            return False
        self.drop()
        self._fetch(0, 1)
        return True

    def drop(self) -> None:
        """Forget what was kept."""
        for path in (self._state_file, self._data):
            path.unlink(missing_ok=True)
        self._known = {}

    @property
    def _data(self) -> Path:
        return self.home / "data"

    @property
    def _state_file(self) -> Path:
        return self.home / "state.json"

    # Fetching.

    def _fetch(self, start: int, end: int) -> None:
        """Make sure that the bytes from `start` to before `end` are kept."""
        silent = 0
        while (gap := self._gap(start, end)) is not None:
            if self.offline:
                raise RemoteError(self.address, "not in the cache, and the run is offline")
            before = self.link.received
            try:
                self._ask_for(*gap)
            except _CutError as error:
                silent = 0 if self.link.received > before else silent + 1
                if silent >= self.link.tries:
                    raise RemoteError(self.address, error.why) from None
                time.sleep(self.link.wait_s * min(2 ** max(silent - 1, 0), 32))

    def _gap(self, start, end) -> tuple[int, int] | None:
        """The first run of bytes within these that is missing, in whole pages."""
        if not self._known:
            return 0, PAGE
        pages = self._known["pages"]
        first, last = start // PAGE, (min(end, self.size) - 1) // PAGE
        missing = [page for page in range(first, last + 1) if not pages[page]]
        if not missing:
            return None
        stop = missing[0]
        while stop <= last and not pages[stop]:
            stop += 1
        return missing[0] * PAGE, min(stop * PAGE, self.size)

    def _ask_for(self, start, end) -> None:
        part = {"Range": f"bytes={start}-{end - 1}"}
        with self.link.ask(self.address, headers=part) as answer:
            if answer.status_code == 416:  # an empty file
                raise RemoteError(self.address, "the server sent no bytes")
            whole = answer.status_code == 200
            at = 0 if whole else start
            self._take_version(answer, whole)
            _refuse_page(answer, self.format, self.address)
            try:
                self._write(answer.iter_content(PAGE), at)
            except requests.RequestException as error:
                raise _CutError(_in_words(error, self.link)) from None
            finally:
                self._write_state()

    def _take_version(self, answer, whole) -> None:
        span = answer.headers.get("Content-Range", "").rpartition("/")[2]
        size = answer.headers.get("Content-Length", "") if whole else span
        if not size.isdigit():
            raise RemoteError(self.address, "the server does not say how long the file is")
        now = _version(answer, int(size))
        old = {key: self._known.get(key) for key in now} if self._known else now
        if any(now[key] != old[key] for key in now if now[key] and old[key]):
            self.drop()  # another version since the last part: parts of two do not mix
            raise _CutError("the file changed on the server while it was read")
        if not self._known:
            stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            pages = bytearray(-(-int(size) // PAGE))
            self._known = {**now, "address": self.address, "asked": stamp, "pages": pages}

    def _write(self, chunks, at) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        begin = at
        with self._data.open("r+b" if self._data.exists() else "w+b") as kept:
            kept.seek(at)
            try:
                for chunk in chunks:
                    kept.write(chunk)
                    at += len(chunk)
                    self.link.count(len(chunk))
            finally:
                kept.flush()
                self._mark(begin, at)

    def _mark(self, begin, end) -> None:
        """Pages that lie within what has come are kept."""
        last = -(-self.size // PAGE) if end >= self.size else end // PAGE
        for page in range(-(-begin // PAGE), last):
            self._known["pages"][page] = 1

    def _read_state(self) -> dict:
        try:
            state = json.loads(self._state_file.read_text(encoding="utf-8"))
            pages = bytearray(bytes.fromhex(state["pages"]))
            kept = self._data.stat().st_size
        except (OSError, ValueError, KeyError):
            return {}
        if len(pages) != -(-state["size"] // PAGE):
            return {}
        for page in range(kept // PAGE, len(pages)):  # a disk that was full, a file that was cut
            if kept < min((page + 1) * PAGE, state["size"]):
                pages[page] = 0
        return {**state, "pages": pages}

    def _write_state(self) -> None:
        if not self._known:
            return
        known = {**self._known, "pages": bytes(self._known["pages"]).hex()}
        plain_files.write_text(self._state_file, json.dumps(known))

    def _check_beginning(self) -> None:
        wanted = BEGINS.get(self.format)
        if not wanted:
            return
        self.seek(0)
        begins = self.read(64)
        self.seek(0)
        if not begins.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(wanted):
            self.drop()
            what = repr(begins[:24].decode("utf-8", "replace"))
            raise RemoteError(self.address, f"found {what} at its beginning, not a {self.format}")


def opened(
    pieces: Iterable[Piece], open_file: Callable[[str], RemoteFile], not_found: str
) -> Iterator[tuple[Piece, RemoteFile]]:
    """The pieces that are there, each with its file; `not_found`: "error" or "no data"."""
    for piece in pieces:
        try:
            yield piece, open_file(piece.address)
        except NotThereError:
            if not_found == "error":
                raise


def check_sum(path: Path, expected: str, address: str) -> None:
    """Raise `RemoteError` where a file's digest is not the published one (md5, sha1 or sha256)."""
    kind = {32: "md5", 40: "sha1", 64: "sha256"}.get(len(expected))
    if kind is None:
        raise RemoteError(address, f"the published checksum {expected[:80]!r} is of no known kind")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, kind).hexdigest()
    if found != expected.lower():
        why = f"its {kind} is {found}, the published one is {expected}; the file was dropped"
        raise RemoteError(address, why)


class _CutError(Exception):
    """What was to come did not come whole."""

    def __init__(self, why):
        super().__init__(why)
        self.why = why


def _version(answer, size) -> dict:
    headers = answer.headers
    length = headers.get("Content-Length", "")
    span = headers.get("Content-Range", "").rpartition("/")[2]
    told = int(span) if span.isdigit() else int(length) if length.isdigit() else size
    return {
        "size": told,
        "etag": headers.get("ETag", ""),
        "modified": headers.get("Last-Modified", ""),
    }


def _refuse_page(answer, format, address) -> None:
    """Raise where a page of a portal, of a login or of an error came in place of a file."""
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip()
    if kind == "text/html" and format != "html":
        with contextlib.suppress(requests.RequestException):
            text = answer.raw.read(4096, decode_content=True).decode("utf-8", "replace")
            raise RemoteError(address, f"a web page came, not a file: {_words(text)!r}")
        raise RemoteError(address, "a web page came, not a file")


def _words(page) -> str:
    text = re.sub(r"(?s)<(script|style).*?</\1>|<[^>]*>", " ", page)
    return " ".join(text.split())[:MOST_WORDS]


def _status(answer) -> str:
    meanings = {
        401: "that it wants a login", 403: "that it does not allow this",
        429: "that it is asked too often", 503: "that it is too busy",
    }  # fmt: skip
    said = meanings.get(answer.status_code, answer.reason or "with an error")
    return f"{said} ({answer.status_code})"


def _in_words(error, link) -> str:
    text = str(error)
    if isinstance(error, requests.exceptions.RetryError) or "too many" in text:
        return f"the server did not answer well {link.tries + 1} times in a row"
    if "timed out" in text.lower():
        return f"nothing came for {link.timeout_s:g} s"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy does not answer; see the key `retrieval.proxy`"
    if "resolve" in text or "Name or service" in text:
        return "the server is not found; is there a network?"
    if "refused" in text:
        return "the server refuses the connection"
    return "the connection was cut"
