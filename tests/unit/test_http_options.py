"""The keys that both tables share: each wrong one is refused alike, in words that name it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from crashcart.backends.alertmanager.options import Options as AlertmanagerOptions
from crashcart.backends.http.addresses import name_of
from crashcart.backends.http.options import HttpOptions
from crashcart.backends.prometheus.options import Options as PrometheusOptions

URL = "http://monitoring:9090"
TABLES = (PrometheusOptions, AlertmanagerOptions)


@pytest.mark.parametrize("options", TABLES)
@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"url": ""}, "is no address"),
        ({"url": "monitoring:9090"}, "is no address; write http://HOST:PORT"),
        ({"url": "ftp://monitoring"}, "is no address"),
        ({"url": "http://"}, "is no address"),
        ({"url": "http://monitoring:port"}, "is no address"),
        ({"url": "http://monitoring:99999"}, "is no address"),
        ({"url": "http://[::1"}, "is no address"),
        ({"url": "http://a b"}, "is no address"),
        ({"url": "http://a\nb:9090"}, "is no address"),
        ({"url": "http://bob:secret@a:9090"}, "use username and password_file"),
        ({"url": "http://a:9090/?x=1"}, "leave out what follows http://a:9090/"),
        ({"url": "http://a:9090/#/alerts"}, "leave out what follows http://a:9090/"),
        ({"url": "http://a:9090/api/v1/"}, "leave /api/v1 away"),
        ({"url": "http://a:9090/x/api/v2/status"}, "leave /api/v2 away"),
        ({"interval_seconds": 0}, "interval_seconds: between 1 and 3600"),
        ({"interval_seconds": float("nan")}, "interval_seconds: between"),
        ({"timeout_seconds": 0.1}, "timeout_seconds: between 0.5 and 25"),
        ({"timeout_seconds": 100}, "timeout_seconds: between 0.5 and 25"),
        ({"token_file": "t", "username": "u", "password_file": "p"}, "token_file: .*not both"),
        ({"username": "u"}, "password_file: .*belong together"),
        ({"password_file": "p"}, "password_file: .*belong together"),
        ({"username": "a:b", "password_file": "p"}, "username: a colon"),
        ({"token_file": " "}, "token_file: the name of a file"),
        ({"url": "https://a", "ca_file": ""}, "ca_file: the name of a file"),
        ({"token": "secret"}, "token"),
        ({"password": "secret"}, "password"),
        ({"auth": {"token_file": "t"}}, "auth"),
        ({"tls": {"insecure": True}}, "tls"),
        ({"url": "https://a", "key_file": "k"}, "key_file: cert_file must be given"),
        ({"url": "https://a", "insecure": True, "ca_file": "c"}, "leave one of them away"),
        ({"ca_file": "c"}, "write https://"),
        ({"cert_file": "c"}, "write https://"),
        ({"insecure": True}, "write https://"),
        ({"headers": {"Authorization": "Bearer x"}}, "headers: .*use token_file"),
        ({"headers": {"cookie": "x"}}, "holds a secret"),
        ({"headers": {"X Scope": "x"}}, "no name of an HTTP header"),
        ({"headers": {"X-Scope-OrgID": "a\r\nb: c"}}, "not plain ASCII"),
    ],
)
def test_a_wrong_table_is_refused_alike(options: type[HttpOptions], table: dict[str, Any], said: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=said):
        msgspec.convert({"url": URL, **table}, options)


@pytest.mark.parametrize("options", TABLES)
def test_the_same_table_fits_both(options: type[HttpOptions]) -> None:
    table = {
        "url": "https://mimir.example/prometheus/",
        "interval_seconds": 15,
        "timeout_seconds": 4,
        "username": "bob",
        "password_file": "~/password",
        "ca_file": "/etc/ca.pem",
        "cert_file": "/etc/me.pem",
        "key_file": "/etc/me.key",
        "headers": {"X-Scope-OrgID": "gpu"},
    }
    made = msgspec.convert(table, options)
    assert made.urls == ("https://mimir.example/prometheus",)
    assert made.sign_in_from == "user bob and the password in ~/password"
    assert msgspec.convert({"url": URL, "token_file": "/run/t"}, options).sign_in_from == "the token in /run/t"
    assert msgspec.convert({"url": URL}, options).sign_in_from == ""
    with pytest.raises(msgspec.ValidationError, match="url"):
        msgspec.convert({}, options)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://am:9093", "am:9093"),
        ("https://am.example.org", "am.example.org:443"),
        ("http://am/one", "am:80/one"),
        ("http://[::1]:9093", "[::1]:9093"),
    ],
)
def test_a_server_is_called_by_host_port_and_path(url: str, name: str) -> None:
    assert name_of(url) == name
