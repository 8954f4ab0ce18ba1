"""The kernel parameters for kinds of networks that no lab has."""

from __future__ import annotations

import pytest
import role_kit


@pytest.mark.parametrize("advertised", [False, True])
def test_router_advertisements_are_refused_unless_ipv6_depends_on_them(advertised: bool) -> None:
    facts = {"ipv6_advertised": advertised}
    text = role_kit.render("kernel", "etc/sysctl.d/zz-prep-difusor.conf", {"ansible_facts": facts})
    assert ("net.ipv6.conf.all.accept_ra = 0\n" in text) is not advertised
    assert "net.ipv6.conf.all.accept_redirects = 0\n" in text
