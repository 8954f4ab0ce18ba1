"""Limited attacks from the lab, and whether others, behind the same address too, get the page meanwhile."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from testinfra.host import Host
from web_fixtures import STATUS, page_files

from difusor.inventory.excepted import INSPECTED
from difusor.project import ROOT
from difusor.servers.bans import banned
from difusor.suite.waiting import until

Expect = Callable[[str], dict[str, Any]]
Record = Callable[[object], None]
CONNECTIONS = 1000
SECONDS = 20
PROBES = 20
LONGEST = 18.0
"""Seconds that a slow connection may last: nginx's fifteen, and what a busy machine adds."""
BROWSERS = 500
ARRIVING = 10
"""Seconds in which they come, the first a second after the attacks have begun."""
ATTACKED = 14
"""Seconds that the attacks last: until the last browser has its page, on a busy machine too."""
FLOODED = 90
"""Seconds at most that one address keeps the WAF's road at its limit, until another of its network has asked."""
FORGED = 2000
"""Packets a second in the name of the address of all these browsers."""
HELD = 100
"""Connections of a neighbour who holds what he asks for; nginx takes 16 requests on each, and once took 64."""
# Grants the answers no byte, so that no request ends, and asks for more than one connection may have in progress.
HELD_STREAMS = """
import json, socket, ssl, sys, time
address, name, path, connections, seconds = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5])
context = ssl._create_unverified_context()
context.set_alpn_protocols(["h2"])
field = lambda index, text: bytes([index, len(text)]) + text.encode()
frame = lambda kind, flags, stream, body: (
    len(body).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + body)
no_window = frame(4, 0, 0, b"\\0\\4\\0\\0\\0\\0")
block = b"\\x82\\x87" + field(0x44, path) + field(0x41, name)  # GET, https
asked = b"".join(frame(1, 5, stream, block) for stream in range(1, 129, 2))
held = []
for _ in range(connections):
    secure = context.wrap_socket(socket.create_connection((address, 443), 10), server_hostname=name)
    secure.sendall(b"PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n" + no_window + asked)
    held.append(secure)
print(len(held), flush=True)
time.sleep(seconds)  # pace: nginx gives a stream up ten seconds after the last byte
"""
# Opens closed connections again, as a real attacker does; never more than CONNECTIONS at a time; ends by itself.
SLOW_HEADERS = """
import asyncio, json, sys, time
address, connections, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
end, now, most, opened, longest = time.monotonic() + seconds, 0, 0, 0, 0

async def hold():
    global now, most, opened, longest
    while (left := end - time.monotonic()) > 0:
        try:
            reader, writer = await asyncio.wait_for(asyncio.open_connection(address, 80), left)
        except (OSError, asyncio.TimeoutError):
            continue
        now, opened = now + 1, opened + 1
        most, begun = max(most, now), time.monotonic()
        try:
            writer.write(b"GET / HTTP/1.1\\r\\nHost: x\\r\\n")
            while (left := end - time.monotonic()) > 0 and not reader.at_eof():
                writer.write(b"X-Slow: 1\\r\\n")
                await writer.drain()
                await asyncio.sleep(min(1, left))  # pace: what makes it slow
        except OSError:
            pass
        now, longest = now - 1, max(longest, time.monotonic() - begun)
        writer.transport.abort()

async def attack():
    await asyncio.gather(*(hold() for _ in range(connections)))
    print(json.dumps({"most": most, "opened": opened, "longest": longest}))

asyncio.run(attack())
"""


@pytest.mark.clause("RED-06")
def test_slow_headers_leave_the_page_to_others(
    untrusted: Host, trusted: Host, variables: dict[str, Any], url: str, record_evidence: Record
) -> None:
    """Mil conexiones lentas desde una dirección no le quitan la página a otra: nginx cierra cada una en segundos."""
    address = variables["difusor_public_address"]
    probe = "curl --silent --insecure --max-time 5 --output /dev/null --write-out '%%{http_code} %%{time_total}\\n'"
    target = f"{variables['difusor_fqdn']}:443:{address}"
    with ThreadPoolExecutor() as pool:
        attack = pool.submit(
            untrusted.check_output, "python3 -c %s %s %s %s", SLOW_HEADERS, address, str(CONNECTIONS), str(SECONDS)
        )
        repeat = f"for _ in $(seq {PROBES}); do {probe} --resolve %s %s; sleep 1; done"  # pace: spread over the attack
        answers = [line.split() for line in trusted.check_output(repeat, target, url).splitlines()]
        held = json.loads(attack.result())
    slowest = max(float(seconds) for _, seconds in answers)
    statuses = sorted({status for status, _ in answers})
    record_evidence(
        f"{CONNECTIONS} intentadas a la vez, {held['most']} sostenidas, ninguna más de {held['longest']:.1f} s; "
        f"otra dirección recibió {len(answers)} respuestas ({', '.join(statuses)}), la más lenta en {slowest:.2f} s"
    )
    assert held["most"] > 0, "el ataque no ocurrió"
    assert held["opened"] > CONNECTIONS, "ninguna tuvo que volver a abrirse"
    assert held["longest"] < LONGEST, "el servidor sostuvo una conexión lenta demasiado tiempo"
    assert statuses in (["200"], ["503"]), f"la otra dirección recibió {statuses}"


@pytest.fixture
def shared(untrusted: Host) -> Iterator[str]:
    """Give the citizens' host a second IPv4 address that ignores what it did not ask for, as a carrier's NAT does."""
    own = next(each for each in untrusted.check_output("hostname -I").split() if ":" not in each)
    address = f"{own.rpartition('.')[0]}.77"
    # The kernel would reset connections that were forged from these ports (6 is TCP), as if their owner had answered.
    silent = f"from {address} ipproto 6 sport 10000-10999 blackhole"
    untrusted.check_output(f"ip address add {address}/24 dev eth0; ip rule add {silent}")
    yield address
    untrusted.check_output(f"ip rule del {silent}; ip address del {address}/24 dev eth0")


@pytest.mark.clause("RED-06", "DG-02")
def test_a_crowd_behind_one_address_gets_the_page(
    host: Host, untrusted: Host, shared: str, variables: dict[str, Any], record_evidence: Record
) -> None:
    """Quinientas personas tras una dirección reciben toda la página, aunque un vecino ataque y otro la falsifique.

    Over HTTP/2 in ten seconds, each on a connection of its own. The neighbour floods the WAF's road from the same
    address; the forged packets bear that address too.
    """
    server, name = variables["difusor_public_address"], variables["difusor_fqdn"]
    base = variables["difusor_path"]
    data = ["datos/corte.json", f"datos/{variables['election_offices'][0]}.json"]
    paths = [base, *(f"{base}{path}" for path in page_files(host, variables) + data), STATUS]
    charged = "iptables -nvxL prep-web-charge | awk '/CONNMARK/ {print $1}'"
    before = int(host.check_output(charged))

    def start(program: str, *arguments: str) -> str:
        source = (ROOT / f"bench/crowd/{program}.py").read_text(encoding="utf-8")
        return untrusted.check_output("python3 -c %s " + "%s " * len(arguments), source, *arguments)

    with ThreadPoolExecutor() as pool:
        forged = pool.submit(start, "forged", server, shared, str(FORGED), str(ATTACKED))
        neighbour = pool.submit(start, "neighbour", server, name, shared, str(ATTACKED))
        time.sleep(1)  # pace: the first browser already meets both
        crowd = json.loads(start("browsers", server, name, shared, str(BROWSERS), str(ARRIVING), *paths))
        packets, answers = int(forged.result()), json.loads(neighbour.result())
    counted = int(host.check_output(charged)) - before
    blocked = [ban.address for ban in banned("", host)]
    record_evidence(
        f"de {BROWSERS} personas, {crowd['whole']} recibieron la página completa; a las demás: {crowd['refused']}; "
        f"99 % en {crowd['p99']} s, todas en {crowd['lasted']:.0f} s; el vecino recibió {answers}; "
        f"{packets} paquetes falsos; "
        f"conexiones contadas: {counted}"
    )
    assert crowd["whole"] == BROWSERS
    assert answers.get("429", 0) > answers.get("403", 0) > 0, "el ataque del vecino no llegó a su límite"
    assert packets > FORGED, "nadie falsificó la dirección"
    assert counted < 2 * BROWSERS, "se contaron conexiones que nadie completó"
    assert shared not in blocked


@pytest.mark.clause("RED-06")
def test_a_neighbour_who_holds_his_requests_leaves_the_page_to_others(
    untrusted: Host, variables: dict[str, Any], url: str, record_evidence: Record
) -> None:
    """Un vecino que no deja terminar lo que pide por cien conexiones no agota lo que admite su dirección."""
    server, name = variables["difusor_public_address"], variables["difusor_fqdn"]
    file = f"{variables['difusor_path']}datos/corte.json"
    log = "/tmp/sostenidas"
    arguments = (HELD_STREAMS, server, name, file, str(HELD), "8", log)
    untrusted.check_output("timeout 30 python3 -c %s %s %s %s %s %s >%s 2>&1 &", *arguments)
    try:
        opened = untrusted.file(log)
        until(lambda: opened.content_string.strip(), str(HELD).__eq__, what="abriera sus conexiones", within=15)
        probe = "curl --silent --insecure --max-time 5 --output /dev/null --write-out '%%{http_code}\\n'"
        ask = f"for _ in $(seq {PROBES}); do {probe} --resolve %s %s; done"
        answers = untrusted.check_output(ask, f"{name}:443:{server}", url).split()
    finally:
        untrusted.run("pkill -f [n]o_window; rm -f %s", log)
    record_evidence(f"con {HELD} conexiones que no dejan terminar nada, su vecino recibió {sorted(set(answers))}")
    assert set(answers) in ({"200"}, {"503"})


@pytest.mark.clause("RED-06")
def test_the_dear_road_yields_the_processor_to_nginx(host: Host, record_evidence: Record) -> None:
    """Ningún contenedor le quita el procesador a nginx: compiten en el mismo grupo, y nginx no pesa menos."""
    nginx = _weight(host, host.check_output("systemctl show nginx --property MainPID --value"))
    inspect = "docker inspect --format '{{.State.Pid}}' $(docker ps --quiet --filter label=prep-difusor.role)"
    containers = [_weight(host, process) for process in host.check_output(inspect).split()]
    record_evidence({"nginx": nginx, "contenedores": containers})
    assert len(containers) == 2
    assert {group for group, _ in containers} == {nginx[0]}
    assert max(weight for _, weight in containers) <= nginx[1]


def _weight(host: Host, process: str) -> tuple[str, int]:
    """Return the group in which a process's own group competes for the processor, and the weight that it has there."""
    lines = host.file(f"/proc/{process}/cgroup").content_string.splitlines()
    groups = {name: path for _, names, path in (line.split(":", 2) for line in lines) for name in names.split(",")}
    # Of cgroup 1, where each controller has a tree of its own, or of cgroup 2, where one tree has all.
    own, said = (f"cpu{groups['cpu']}", "cpu.shares") if "cpu" in groups else (groups[""], "cpu.weight")
    return own.rpartition("/")[0], int(host.file(f"/sys/fs/cgroup/{own}/{said}").content_string)


@pytest.mark.clause("RED-06")
def test_a_network_of_ipv6_counts_as_one_address(
    untrusted: Host, variables: dict[str, Any], record_evidence: Record
) -> None:
    """En IPv6 el límite es de la red /64, también si su cuarto grupo es cero: otra dirección suya no lo estrena."""
    own = next(each for each in untrusted.check_output("hostname -I").split() if ":" in each)
    other, name = f"{own.rpartition('::')[0]}::77", variables["difusor_fqdn"]
    server = untrusted.check_output("getent ahostsv6 difusor").split()[0]
    neighbour = (ROOT / "bench/crowd/neighbour.py").read_text(encoding="utf-8")

    def refused(source: str, count: int) -> int:
        """Return how many of so many dear requests, sent at once from an address, are refused."""
        ask = "curl --silent --insecure --max-time 20 --head --parallel --parallel-immediate --parallel-max 40"
        resolve, urls = f"{name}:443:[{server}]", f"https://{name}{INSPECTED}?revision=[1-{count}]"
        told = untrusted.check_output(f"{ask} --http1.1 --interface %s --resolve %s %s", source, resolve, urls)
        return told.count("HTTP/1.1 429")

    untrusted.check_output("ip address add %s/64 dev eth0 nodad", other)
    try:
        with ThreadPoolExecutor() as pool:
            pool.submit(untrusted.run, "python3 -c %s %s %s %s %s", neighbour, server, name, own, str(FLOODED))
            try:
                # Each time fewer than the limit lets pass at once from an address that has asked for nothing yet.
                first = until(lambda: refused(own, 40), bool, what="el límite rechazara a la primera dirección")
                second = refused(other, 40)
            finally:
                untrusted.run("pkill -f '[f]loods the WAF'")
    finally:
        untrusted.check_output("ip address del %s/64 dev eth0", other)
    record_evidence(f"rechazadas a {own}: {first} de 40 solicitudes; enseguida, a {other}: {second} de 40")
    assert own.count(":") < 7, "la red del laboratorio ya no tiene grupos en cero"
    assert second > 0
