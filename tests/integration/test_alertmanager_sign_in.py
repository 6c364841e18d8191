"""An Alertmanager behind TLS and a password: the right way in, and each wrong one with what to do about it."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from crashcart.backends.alertmanager import BACKEND
from crashcart.backends.errors import Denied, Unsupported

from .alertmanager_cluster import AlertmanagerCluster, not_installed
from .alertmanager_reading import new_silence, turn

pytestmark = pytest.mark.real

HUNTER2 = "$2b$04$Kws6t13ghzun58hcjxcfneUDHXjoPyGlRlyGAcDCKv4s515lqxgF2"
"""A password, as bcrypt makes it."""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[AlertmanagerCluster, Path]]:
    """One with TLS and a password, and the folder with its certificate."""
    if reason := not_installed():
        pytest.skip(f"no Alertmanager: {reason}")
    home = tmp_path_factory.mktemp("tls")
    write_certificate(home)
    (home / "password").write_text("hunter2\n")
    (home / "web.yml").write_text(
        f"tls_server_config: {{cert_file: {home}/cert.pem, key_file: {home}/key.pem}}\n"
        f"basic_auth_users: {{bob: '{HUNTER2}'}}\n"
    )
    with AlertmanagerCluster(web_config=home / "web.yml") as cluster:
        yield cluster, home


def write_certificate(home: Path) -> None:
    """`cert.pem`, signed by itself for 127.0.0.1, and `key.pem`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "alertmanager of the tests")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (home / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (home / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


async def test_tls_and_a_password_work_for_reading_and_silencing(guarded: tuple[AlertmanagerCluster, Path]) -> None:
    cluster, home = guarded
    signed_in = {"username": "bob", "password_file": f"{home}/password"}
    context = cluster.context(**signed_in, ca_file=f"{home}/cert.pem")
    await turn(context)
    assert (await BACKEND.powers(context).apply(new_silence(context), timeout=10)).state == "ok"
    unchecked = cluster.context(**signed_in, insecure=True)
    assert len((await turn(unchecked))["silence"]) == 1


async def test_each_wrong_way_to_sign_in_says_what_to_do(
    guarded: tuple[AlertmanagerCluster, Path], tmp_path: Path
) -> None:
    cluster, home = guarded
    ca_file = f"{home}/cert.pem"
    wrong = tmp_path / "wrong"
    wrong.write_text("hunter3")
    refused = {
        "no token_file or username is configured": cluster.context(ca_file=ca_file),
        str(wrong): cluster.context(ca_file=ca_file, username="bob", password_file=str(wrong)),
        "its certificate is not trusted": cluster.context(),
        "cert_file and key_file": cluster.context(ca_file=ca_file, cert_file=f"{home}/password"),
    }
    for said, context in refused.items():
        with pytest.raises(Denied) as caught:
            await turn(context)
        assert said in str(caught.value) and "hunter" not in str(caught.value)
        with pytest.raises(Denied):
            await BACKEND.powers(context).apply(new_silence(context), timeout=10)
    with pytest.raises(Unsupported, match="write https://"):
        await turn(cluster.context(cluster.urls[0].replace("https", "http")))
