"""Why no answer came, in words that say what to do next, from what requests and urllib3 wrap several times."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Sequence
from http.client import HTTPException, IncompleteRead, RemoteDisconnected
from typing import TypeVar

from requests import RequestException
from urllib3.exceptions import (
    ConnectTimeoutError,
    DecodeError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from crashcart.backends.errors import BackendError, Denied, Malformed, Unreachable, Unsupported
from crashcart.backends.text import clean

from .answer_lost import AnswerLost

Chain = Sequence[BaseException]
Kind = TypeVar("Kind", bound=BaseException)

_CERTIFICATES = {
    9: "is not valid yet; compare the clocks",
    10: "has expired; renew it there",
    62: "is for another name; use that name in url",
    64: "is for another address; use its name in url",
}
"""What to say of a certificate, by OpenSSL's number for what is wrong with it."""

_PLAIN = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE")
_CHECK_FILES = "check ca_file, cert_file and key_file"


def failure(where: str, error: Exception, *, has_connected: bool) -> BackendError:
    """What to raise for `error`; `where` is who was asked. AnswerLost only when the request may have been received."""
    chain = _chain(error)
    if _holds(chain, ssl.SSLError, SSLError):
        return _tls(where, chain, has_connected)
    if _holds(chain, ProxyError):
        return Unreachable(f"{where}: the proxy of the environment failed: {_said(chain)}; set NO_PROXY for it")
    if _holds(chain, ConnectTimeoutError):  # of which NewConnectionError is one
        return _no_connection(where, chain)
    if isinstance(error, RequestException) and isinstance(error, ValueError):
        return Unsupported(f"{where}: {_said(chain)}; check url, headers and the proxies of the environment")
    if not isinstance(error, RequestException | HTTPError):  # files are looked for before there is a request
        return Denied(f"{where}: {_said(chain)}; {_CHECK_FILES}")
    if has_connected:
        return _lost(where, chain)
    if _holds(chain, FileNotFoundError, PermissionError):
        return Denied(f"{where}: {_said(chain)}; {_CHECK_FILES}")
    return Unreachable(f"{where}: no connection ({_said(chain)}); check url and the network")


def is_hung_up(error: Exception) -> bool:
    """Whether the other side closed a connection that was there."""
    chain = _chain(error)
    return _holds(chain, ConnectionError) and not _holds(chain, NewConnectionError)


def _no_connection(where: str, chain: Chain) -> Unreachable:
    name = _first(chain, socket.gaierror)
    if name is not None and name.errno == socket.EAI_AGAIN:
        return Unreachable(f"{where}: DNS does not answer; check the resolver of this machine")
    if _holds(chain, NameResolutionError):
        return Unreachable(f"{where}: its name is not known here; check url and DNS")
    if _holds(chain, ConnectionRefusedError):
        return Unreachable(f"{where}: connection refused; nothing listens there: start it, or check url")
    if _holds(chain, NewConnectionError):
        return Unreachable(f"{where}: no connection ({_said(chain)}); check url and the network")
    return Unreachable(f"{where}: no connection in time; check that the host is up and no firewall is between")


def _lost(where: str, chain: Chain) -> BackendError:
    if _holds(chain, ReadTimeoutError):
        return AnswerLost(f"{where}: no answer; it hangs, look at its host")
    if _holds(chain, DecodeError):
        return Malformed(f"{where}: the answer cannot be unpacked; look for a proxy between")
    if _holds(chain, IncompleteRead):
        return AnswerLost(f"{where}: the answer breaks off in the middle; look for a proxy between")
    if _holds(chain, HTTPException) and not _holds(chain, RemoteDisconnected):
        return AnswerLost(f"{where}: what answers there does not speak HTTP; check url")
    return AnswerLost(f"{where}: the connection broke in the middle of an answer ({_said(chain)}); look at its log")


def _tls(where: str, chain: Chain, has_connected: bool) -> BackendError:
    error = _first(chain, ssl.SSLError)
    said = error.reason if error is not None and error.reason else _said(chain)
    if isinstance(error, ssl.SSLCertVerificationError):
        why = clean(error.verify_message, limit=200)
        known = _CERTIFICATES.get(error.verify_code, f"is not trusted ({why}); set ca_file, or check url")
        return Denied(f"{where}: TLS: its certificate {known}")
    if any(sign in said for sign in _PLAIN):
        return Unsupported(f"{where}: it does not speak TLS; write http:// in url")
    if "ALERT" in said and ("CERTIFICATE" in said or "UNKNOWN_CA" in said):
        return Denied(f"{where}: TLS: it wants a certificate of ours that it trusts; set cert_file and key_file")
    if has_connected:
        return AnswerLost(f"{where}: the TLS connection broke ({said}); look at its log")
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return Unreachable(f"{where}: the TLS connection broke before anything was sent; look at its log")
    return Denied(f"{where}: TLS failed ({said}); {_CHECK_FILES}")


def _first(chain: Chain, kind: type[Kind]) -> Kind | None:
    return next((error for error in chain if isinstance(error, kind)), None)


def _holds(chain: Chain, *kinds: type[BaseException]) -> bool:
    return any(isinstance(error, kinds) for error in chain)


def _chain(error: BaseException | None) -> Chain:
    """The error and all that it wraps, the innermost last."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        wrapped = (getattr(error, "reason", None), *error.args)
        inner = next((one for one in wrapped if isinstance(one, BaseException)), None)
        error = inner or error.__cause__ or error.__context__
    return found


def _said(chain: Chain) -> str:
    """What the innermost error says, on one line and without objects' addresses."""
    last = chain[-1]
    said = last.strerror if isinstance(last, OSError) else None
    return clean(re.sub(r"<[^<>]*>(, |: )?", "", said or str(last)), limit=200).strip() or type(last).__name__
