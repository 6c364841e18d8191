"""Certificates for tests of TLS: an authority of its own, and what it signs."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

LOOPBACK = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
DAY = datetime.timedelta(days=1)


class Authority:
    """`ca.pem` in `home` is what to trust."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("authority of the tests")
        self.file = home / "ca.pem"
        ca = self._builder(self._name, self._key, 0).add_extension(x509.BasicConstraints(True, None), critical=True)
        self.file.write_bytes(_pem(ca.sign(self._key, hashes.SHA256())))

    def signs(self, name: str, *, of: x509.GeneralName = LOOPBACK, day: int = 0) -> Path:
        """A file with a certificate for `of` and its key; it holds from one day before `day` to one after."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(_name(name), key, day)
        builder = builder.add_extension(x509.SubjectAlternativeName([of]), critical=False)
        file = self._home / f"{name}.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file.write_bytes(_pem(builder.sign(self._key, hashes.SHA256())) + private)
        return file

    def server(self, file: Path, *, wants_ours: bool = False) -> ssl.SSLContext:
        """How a server speaks TLS with such a file; `wants_ours`: only with clients that this authority signed."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        if wants_ours:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.file)
        return context

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, day: int) -> x509.CertificateBuilder:
        middle = datetime.datetime.now(datetime.UTC) + day * DAY
        serial = x509.random_serial_number()
        return x509.CertificateBuilder(self._name, subject, key.public_key(), serial, middle - DAY, middle + DAY)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
