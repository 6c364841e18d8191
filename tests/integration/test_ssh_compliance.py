"""The ssh backend passes the suite that every backend has to pass, on a real server."""

from __future__ import annotations

import pytest

from crashcart.backends.contract import Context
from crashcart.backends.ssh import BACKEND
from crashcart.backends.testing import BackendCase, BackendCompliance
from crashcart.ops.links import SessionLinks
from crashcart.ops.session import ClusterSession
from tests.integration.ssh_server import SshServer

pytestmark = pytest.mark.real


class TestSsh(BackendCompliance):
    @pytest.fixture
    def backend_case(self, server: SshServer) -> BackendCase:
        session = ClusterSession(name="a100")
        return BackendCase(
            backend=BACKEND,
            context=Context("a100", server.options(), SessionLinks(session)),
            node="node01",
            table={"config": server.config, "user": "ops"},
        )


async def test_other_backends_reach_hosts_through_the_sessions_links(server: SshServer) -> None:
    links = SessionLinks(ClusterSession(name="a100", backends={"ssh": {"config": server.config}}))
    result = await links.runner("ssh:inner01").run(["echo", "there"], timeout=10)
    await links.close()
    assert (result.state, result.stdout) == ("ok", b"there\n")
