"""An authority of the test's own, the server's certificate, and client certificates that name a user and groups."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Certificates:
    """Files below `home`: `ca`, and what `client` writes."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.ca = home / "ca.crt"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("kubernetes")
        authority = x509.BasicConstraints(ca=True, path_length=0)
        self.ca.write_bytes(_pem(self._signed(self._name, self._key, authority)))
        addresses = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
        self._server = self._write("apiserver", _name("kube-apiserver"), x509.SubjectAlternativeName(addresses))

    def server_context(self) -> ssl.SSLContext:
        """Asks clients for a certificate and takes those without."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self._server)
        context.load_verify_locations(self.ca)
        context.verify_mode = ssl.CERT_OPTIONAL
        return context

    def client(self, name: str, groups: tuple[str, ...] = ()) -> tuple[Path, Path]:
        """Certificate and key of a user."""
        return self._write(f"client-{name}", _name(name, groups), x509.BasicConstraints(ca=False, path_length=None))

    def _write(self, stem: str, subject: x509.Name, extension: x509.ExtensionType) -> tuple[Path, Path]:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate, key_file = self._home / f"{stem}.crt", self._home / f"{stem}.key"
        certificate.write_bytes(_pem(self._signed(subject, key, extension)))
        unencrypted = serialization.NoEncryption()
        key_file.touch(mode=0o600)
        key_file.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unencrypted)
        )
        return certificate, key_file

    def _signed(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder(self._name, subject, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(hours=1))
        builder = builder.not_valid_after(now + datetime.timedelta(days=1)).add_extension(extension, critical=True)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        builder = builder.add_extension(issuer, critical=False).add_extension(own, critical=False)
        return builder.sign(self._key, hashes.SHA256())


def _name(name: str, groups: tuple[str, ...] = ()) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
