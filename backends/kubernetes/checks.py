"""What there is to say of the reading itself: the server's own complaints, what is refused, clocks, odd names."""

from __future__ import annotations

from crashcart.backends.http.server_clock import SKEW_SECONDS
from crashcart.backends.model import Check

from .client import KubernetesClient
from .health import Health
from .pulse import Pulse
from .site import SOURCE, Site


def checks(site: Site, client: KubernetesClient, pulse: Pulse, health: Health, when: float) -> list[Check]:
    """All checks as they are now."""

    def check(name: str, state: str, detail: str) -> Check:
        return Check(cluster=site.cluster, source=SOURCE, when=when, name=name, state=state, detail=detail)

    access = client.access
    served = f"{access.where} {pulse.version}".strip()
    found = [check("API server", "critical", f"{served}: {pulse.complaint}") if pulse.complaint else
             check("API server", "ok", f"{served} as {access.impersonate or access.who}")]  # fmt: skip
    ahead = client.clock.ahead_seconds
    if abs(ahead) >= SKEW_SECONDS:
        way = "ahead of" if ahead > 0 else "behind"
        found.append(check("clock", "warning", f"{access.where} is {abs(ahead):.0f} s {way} this machine; check NTP"))
    counts = [(kind, len(keys)) for kind, keys in sorted(site.left_out.items()) if keys]
    if counts:
        words = ", ".join(f"{count} {kind}{'s' * (count > 1)}" for kind, count in counts)
        found.append(check("names", "warning", f"left out, for their names are no identifiers or are taken: {words}"))
    return [*found, *health.checks(site.cluster, SOURCE, when)]
