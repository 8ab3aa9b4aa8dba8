from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.errors import UrlRefused
from hedgerow.screening.addresses import (
    REFUSALS,
    check_addresses,
    check_url,
    is_public,
    literal_address,
    redirected,
)


def _why(url: str, ports: tuple[int, ...] = (), hosts: tuple[str, ...] = ()) -> str:
    with pytest.raises(UrlRefused) as caught:
        check_url(url, ports=ports, hosts=hosts)
    assert caught.value.problem == REFUSALS[caught.value.why]
    return caught.value.why


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("file:///etc/passwd", "scheme"),
        ("gopher://example.org/", "scheme"),
        ("ftp://example.org/a.jpg", "scheme"),
        ("data:image/png;base64,AAAA", "scheme"),
        ("//example.org/a.jpg", "scheme"),
        ("/a.jpg", "scheme"),
        ("", "scheme"),
        ("http://user@example.org/", "credentials"),
        ("http://user:word@example.org/", "credentials"),
        ("http://@example.org/", "credentials"),
        ("http://example.org@evil.example/", "credentials"),
        ("http://", "host"),
        ("http:///a.jpg", "host"),
        ("http://example.org./", "host"),
        ("http://localhost./", "host"),
        ("http://exa%6dple.org/", "host"),
        ("http://[fe80::1%25eth0]/", "host"),
        ("http://[fe80::1%eth0]/", "host"),
        ("http://1.2.3.4.5/", "host"),
        ("http://256.256.256.256/", "host"),
        ("http://0x100000000/", "host"),
        ("http://example.0x/", "host"),
        ("http://08.1/", "host"),
        ("http://-example.org/", "host"),
        ("http://a..b/", "host"),
        ("http://[v1.x]/", "unreadable|host"),
        ("http://[::1]x/", "unreadable|host"),
        ("http://[::1", "unreadable"),
        ("http://example.org:22/", "port"),
        ("http://example.org:0/", "port"),
        ("http://example.org:99999/", "unreadable"),
        ("http://example.org:8 0/", "unreadable"),
        ("http://example.org\\@evil.example/", "unreadable"),
        ("http://exa\tmple.org/", "unreadable"),
        ("http://example.org/\r\nHost: evil", "unreadable"),
        ("http://ⓔxample.org/", "unreadable"),
        ("http://example.org/" + "a" * 5_000, "unreadable"),
    ],
)
def test_what_is_no_address_of_media_is_refused_with_a_reason(url: str, why: str) -> None:
    assert _why(url) in why.split("|")


def test_no_refusal_quotes_the_address() -> None:
    with pytest.raises(UrlRefused) as caught:
        check_url("http://user:hunter2@example.org:22/?sig=secret")
    assert "secret" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f.1", "0x7F000001", "017700000001", "127.1", "127.0.1", "0177.0.0.1", "127.0.0.1"]
)
def test_every_spelling_of_an_ipv4_address_is_that_address(host: str) -> None:
    assert check_url(f"http://{host}/").literal == IPv4Address("127.0.0.1")


@given(st.integers(0, 2**32 - 1), st.sampled_from(["{}", "{:#x}", "0{:o}"]))
def test_a_number_is_the_address_that_the_socket_layer_takes_it_for(number: int, form: str) -> None:
    text = form.format(number)
    assert literal_address(text) == IPv4Address(socket.inet_aton(text)) == IPv4Address(number)


def test_a_target_says_what_is_asked_for() -> None:
    target = check_url("HTTPS://Media.Example:443/a%20b.jpg?sig=1#part")
    assert (target.scheme, target.host, target.port) == ("https", "media.example", 443)
    assert (target.path, target.authority) == ("/a%20b.jpg?sig=1", "media.example")
    assert check_url("http://media.example").path == "/"
    assert check_url("http://[2606:2800::1]:8080/", ports=(8080,)).authority == "[2606:2800::1]:8080"


def test_where_hosts_are_listed_only_those_and_their_subdomains_are_taken() -> None:
    hosts = ("Media.example", "93.184.215.14")
    for url in ("http://media.example/", "http://eu.media.example/", "http://93.184.215.14/"):
        check_url(url, hosts=hosts)
    for url in ("http://example/", "http://evilmedia.example/", "http://media.example.evil/", "http://93.184.215.15/"):
        assert _why(url, hosts=hosts) == "host_not_listed"


_PRIVATE = [
    "0.0.0.0",  # noqa: S104  (nothing is bound to it)
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "169.254.169.254",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.19.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "3fff::1",
    "fc00::1",
    "fd00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", _PRIVATE)
def test_what_is_not_public_is_refused(address: str) -> None:
    assert not is_public(ip_address(address))
    with pytest.raises(UrlRefused) as caught:
        check_addresses([address])
    assert caught.value.why == "not_public"


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_what_is_public_is_taken(address: str) -> None:
    assert len(check_addresses([address])) == 1


def test_one_address_that_is_not_public_is_enough_to_refuse_all() -> None:
    for addresses in (["8.8.8.8", "127.0.0.1"], ["2606:4700::1111", "fd00::1"]):
        with pytest.raises(UrlRefused):
            check_addresses(addresses)


@pytest.mark.parametrize("address", ["fe80::1%eth0", "fe80::1%1", "2606:4700::1%2", "nothing", ""])
def test_what_is_no_plain_address_is_refused(address: str) -> None:
    with pytest.raises(UrlRefused):
        check_addresses([address], private_networks=["::/0"])


def test_a_network_that_the_operator_lists_is_taken_and_nothing_beside_it() -> None:
    assert check_addresses(["10.1.2.3", "::ffff:10.1.2.4"], private_networks=["10.1.0.0/16"]) == [
        IPv4Address("10.1.2.3"),
        IPv4Address("10.1.2.4"),
    ]
    assert check_addresses(["fd00::5"], private_networks=["10.0.0.0/8", "fd00::/64"]) == [IPv6Address("fd00::5")]
    for address in ("10.2.0.1", "64:ff9b::a01:203"):
        with pytest.raises(UrlRefused):
            check_addresses([address], private_networks=["10.1.0.0/16"])


@given(st.ip_addresses(v=4))
def test_nothing_is_public_that_python_calls_private(address: IPv4Address) -> None:
    if is_public(address):
        assert address.is_global
        assert not address.is_private


def test_a_redirect_is_a_new_address() -> None:
    target = check_url("https://media.example/a/b.jpg?sig=1")
    assert redirected(target, "c.jpg").url == "https://media.example/a/c.jpg"
    assert redirected(target, "//other.example/x").host == "other.example"
    for location, why in (
        ("http://media.example/", "downgrade"),
        ("file:///etc/passwd", "scheme"),
        ("https://other.example:8443/", "port"),
        ("https://user@other.example/", "credentials"),
        ("https://[", "unreadable"),
        ("https://media.example/ü", "unreadable"),
    ):
        with pytest.raises(UrlRefused) as caught:
            redirected(target, location)
        assert caught.value.why == why
