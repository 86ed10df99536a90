"""A TLS handshake and the days that the certificate has left."""

from __future__ import annotations

import time

from cryptography import x509

from anyplane.design.operation import TlsProbe
from anyplane.measure.names import Target
from anyplane.measure.outcome import Outcome, Unhealthy, bad, good
from anyplane.measure.shared import Shared
from anyplane.measure.streams import connect_tls

DAY_S = 86_400


class TlsProber:
    """Verifies for `server_name`; with none the dates of the certificate are judged all the same."""

    doing = "connecting"

    def __init__(self, spec: TlsProbe, *, family: int, shared: Shared) -> None:
        self._days, self._name = spec.days, spec.server_name
        self._target = Target(spec.to.host, spec.to.port, family=family, names=shared.names)
        self._context = shared.trust.context(is_verified=bool(spec.server_name))
        self._seen: tuple[bytes, float, float] = b"", 0.0, 0.0

    async def probe(self) -> Outcome:
        """Good when the handshake succeeds and the certificate lasts."""
        self.doing = "in the TLS handshake"
        stream = await connect_tls(await self._target.address(), self._context, self._name or None)
        try:
            der = stream.tls.getpeercert(binary_form=True)
        finally:
            stream.close()
        if not der:
            raise Unhealthy("the server shows no certificate")
        if der != self._seen[0]:
            self._seen = der, *validity(der)
        return judge(*self._seen[1:], now=time.time(), days=self._days)

    def close(self) -> None:
        """Nothing is held."""


def validity(der: bytes) -> tuple[float, float]:
    """From when until when a certificate is valid, Unix seconds."""
    try:
        certificate = x509.load_der_x509_certificate(der)
    except ValueError as error:
        raise Unhealthy(f"the certificate cannot be read: {error}") from error
    return certificate.not_valid_before_utc.timestamp(), certificate.not_valid_after_utc.timestamp()


def judge(begins: float, ends: float, *, now: float, days: float) -> Outcome:
    """What the dates say at `now`."""
    left = (ends - now) / DAY_S
    if now < begins:
        return bad(f"the certificate is not valid before {(begins - now) / DAY_S:.1f} days from now")
    if left <= 0:
        return bad(f"the certificate expired {-left:.1f} days ago")
    if left < days:
        return bad(f"the certificate expires in {left:.1f} days, less than {days:g}")
    return good(f"the certificate is good for {left:.0f} days")
