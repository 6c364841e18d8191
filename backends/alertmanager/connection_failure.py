"""Why no answer came, in words that say what to do next, from what requests and urllib3 wrap several times."""

from __future__ import annotations

import re
import ssl

import requests
from urllib3.exceptions import NameResolutionError, NewConnectionError

from crashcart.backends.errors import BackendError, Denied, Unreachable, Unsupported
from crashcart.backends.text import clean

from .answer import AnswerLost


def failure(name: str, error: requests.RequestException | OSError, *, has_connected: bool) -> BackendError:
    """What to raise for `error`; `name` is HOST:PORT. AnswerLost only where a connection was made for this request."""
    where = f"alertmanager {name}"
    if isinstance(error, requests.exceptions.SSLError):
        return _tls_failure(where, error, has_connected)
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return Unreachable(f"{where}: no connection in time; check that the host is up and no firewall is between")
    if has_connected and not _has_cause(error, NewConnectionError):
        return _lost(where, error)
    if isinstance(error, requests.exceptions.ProxyError):
        return Unreachable(f"{where}: the proxy of the environment failed: {_inner(error)}; set NO_PROXY for it")
    if isinstance(error, requests.ConnectionError):
        return _no_connection(where, error)
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidHeader):
        return Unsupported(f"{where}: {_inner(error)}; check url and headers")
    return Denied(f"{where}: {_inner(error)}; check the files named in tls")


def _lost(where: str, error: Exception) -> AnswerLost:
    if isinstance(error, requests.exceptions.ReadTimeout):
        return AnswerLost(f"{where}: no answer; it hangs, look at its host")
    said = _inner(error)
    if "BadStatusLine" in repr(error) or "HTTP" in said:
        return AnswerLost(f"{where}: what answers there does not speak HTTP; check url")
    return AnswerLost(f"{where}: the connection broke in the middle of an answer ({said})")


def _no_connection(where: str, error: Exception) -> Unreachable:
    if _has_cause(error, NameResolutionError):
        return Unreachable(f"{where}: its name is not known here; check url and DNS")
    if "Connection refused" in str(error):
        return Unreachable(f"{where}: connection refused; nothing listens there: start it, or check url")
    return Unreachable(f"{where}: no connection ({_inner(error)}); check url and the network")


def _tls_failure(where: str, error: Exception, has_connected: bool) -> BackendError:
    said = _inner(error)
    if has_connected:
        return AnswerLost(f"{where}: the TLS connection broke ({said})")
    if "WRONG_VERSION_NUMBER" in said or "RECORD_LAYER" in said:
        return Unsupported(f"{where}: it speaks no TLS; write http:// in url")
    if "CERTIFICATE_VERIFY_FAILED" in said:
        return Denied(f"{where}: its certificate is not trusted ({_reason(said)}); set tls.ca_file, or check url")
    return Denied(f"{where}: TLS failed ({said}); check tls.ca_file, tls.cert_file and tls.key_file")


def _reason(said: str) -> str:
    found = re.search(r"verify failed: (.*?)(?: \(_ssl|$)", said)
    return found[1] if found else said


def _has_cause(error: BaseException | None, kind: type[BaseException]) -> bool:
    return any(isinstance(one, kind) for one in _chain(error))


def _chain(error: BaseException | None) -> list[BaseException]:
    """The error and all that it wraps, the innermost last."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        wrapped = getattr(error, "reason", None) or (error.args[0] if error.args else None)
        error = wrapped if isinstance(wrapped, BaseException) else error.__cause__ or error.__context__
    return found


def _inner(error: BaseException) -> str:
    """What the innermost error says, on one line and without objects' addresses."""
    last = _chain(error)[-1]
    said = last.strerror if isinstance(last, OSError) and not isinstance(last, ssl.SSLError) else None
    return clean(re.sub(r"<[^<>]*>(, |: )?", "", said or str(last)), limit=200).strip() or type(last).__name__
