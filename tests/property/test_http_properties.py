"""Whatever the layers below say of a failure, it becomes one printable line of one of our errors."""

from __future__ import annotations

import requests
from hypothesis import given
from hypothesis import strategies as st
from urllib3 import exceptions

from crashcart.backends.errors import BackendError
from crashcart.backends.http.failures import failure

texts = st.text(st.characters(), max_size=60)
plain = st.one_of(
    st.builds(OSError, texts),
    st.builds(OSError, st.integers(1, 130), texts),
    st.builds(ConnectionResetError, st.integers(1, 130), texts),
    st.builds(exceptions.ProtocolError, texts),
    st.builds(exceptions.DecodeError, texts),
    st.builds(exceptions.SSLError, texts),
)
wrapped = st.recursive(
    plain,
    lambda inner: st.one_of(
        st.builds(exceptions.ProtocolError, texts, inner),
        st.builds(exceptions.ProxyError, texts, inner),
        st.builds(exceptions.MaxRetryError, st.none(), texts, inner),
    ),
    max_leaves=3,
)
failures = st.one_of(
    plain,
    wrapped,
    *(st.builds(kind, wrapped) for kind in (requests.ConnectionError, requests.Timeout, requests.exceptions.SSLError)),
    st.builds(requests.exceptions.InvalidURL, texts),
)


@given(failures, st.booleans())
def test_any_failure_becomes_one_printable_line(error: Exception, has_connected: bool) -> None:
    made = failure("server x", error, has_connected=has_connected)
    assert isinstance(made, BackendError) and str(made).isprintable() and str(made).startswith("server x: ")
