"""TLS with an authority of its own and a password for the services of a monitoring (`--web.config.file`)."""

from __future__ import annotations

import datetime
import ipaddress
import json
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "operator", "wheel-me-in"
_BCRYPT = "$2b$04$abcdefghijklmnopqrstuuLZcA65MLOxwyfVds0q2v5JuY9TdcpM2"  # of PASSWORD, at the lowest cost there is


class Security:
    """Files below `home`: `ca` and `password` are what a client needs, `web_config` what a server is started with."""

    def __init__(self, home: Path) -> None:
        self.ca, self._key, self._certificate = home / "ca.pem", home / "server.key", home / "server.pem"
        self.web_config, self.password = home / "web.yml", home / "password"
        self.password.write_text(f"{PASSWORD}\n")
        self._make_certificates()
        tls = {"cert_file": str(self._certificate), "key_file": str(self._key)}
        self.web_config.write_text(json.dumps({"tls_server_config": tls, "basic_auth_users": {USER: _BCRYPT}}))

    def table(self) -> dict[str, Any]:
        """What Crashcart's tables for both say about it."""
        return {"username": USER, "password_file": str(self.password), "ca_file": str(self.ca)}

    def client(self) -> dict[str, Any]:
        """How Prometheus calls a server of ours, in the words of its configuration."""
        auth = {"username": USER, "password": PASSWORD}
        return {"scheme": "https", "basic_auth": auth, "tls_config": {"ca_file": str(self.ca)}}

    def _make_certificates(self) -> None:
        authority, server = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        issuer = _name("test authority")
        ca = _certificate(issuer, issuer, authority, authority, x509.BasicConstraints(ca=True, path_length=0))
        addresses = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
        leaf = _certificate(_name("server"), issuer, server, authority, x509.SubjectAlternativeName(addresses))
        self.ca.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
        self._certificate.write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
        self._key.write_bytes(
            server.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        self._key.chmod(0o600)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    extension: x509.ExtensionType,
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(hours=1))
    builder = builder.not_valid_after(now + datetime.timedelta(days=1)).add_extension(extension, critical=True)
    key_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    own_id = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = builder.add_extension(key_id, critical=False).add_extension(own_id, critical=False)
    return builder.sign(signer, hashes.SHA256())
