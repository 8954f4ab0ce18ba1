"""The kernel parameters for kinds of networks that no lab has."""

from __future__ import annotations

import pytest
import role_kit
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template


@pytest.mark.parametrize("advertised", [False, True])
def test_router_advertisements_are_refused_unless_ipv6_depends_on_them(advertised: bool) -> None:
    facts = {"ipv6_advertised": advertised}
    text = role_kit.render("kernel", "etc/sysctl.d/zz-prep-difusor.conf", {"ansible_facts": facts})
    assert ("net.ipv6.conf.all.accept_ra = 0\n" in text) is not advertised
    assert "net.ipv6.conf.all.accept_redirects = 0\n" in text


@pytest.mark.parametrize("installed", [False, True])
def test_the_collector_that_allows_core_dumps_again_is_masked_where_there_is_one(installed: bool) -> None:
    expression = yaml.safe_load((role_kit.ROLES / "kernel/vars/main.yml").read_text())["_kernel_masked"]
    facts = {"packages": {"apport": "2.20.11"} if installed else {}}
    masked = Templar(loader=DataLoader(), variables={"ansible_facts": facts}).template(trust_as_template(expression))
    assert masked == ({"/etc/systemd/system/apport.service": "/dev/null"} if installed else {})
