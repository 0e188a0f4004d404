"""One way to write each address, what robots.txt permits, and what pages say to who follows links."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from chatplatform.documents import marks
from chatplatform.documents.marks import MarksUnreadable, marks_of
from chatplatform.documents.marks_child import MOST_LINKS
from chatplatform.documents.marks_child import marks_of as marks_here
from chatplatform.knowledge.web_pages.addresses import Reach, canonical, checked_prefix, is_permitted
from chatplatform.knowledge.web_pages.links import links_of, robots_of
from chatplatform.knowledge.web_pages.robots import LONGEST_PAUSE_S, rules_of

BASE = "https://docs.test/guide/start"


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("HTTPS://Docs.TEST:443/a#part", "https://docs.test/a"),
        ("http://docs.test:80", "http://docs.test/"),
        ("https://docs.test:8443/a", "https://docs.test:8443/a"),
        ("https://docs.test./a/./b/../c/", "https://docs.test/a/c/"),
        ("https://docs.test/a/%2e%2E/%2e/../../etc", "https://docs.test/etc"),
        ("https://docs.test/a/..", "https://docs.test/"),
        ("https://docs.test/a b/中", "https://docs.test/a%20b/%E4%B8%AD"),
        ("https://bücher.test/", "https://xn--bcher-kva.test/"),
        ("https://docs.test/?utm_source=x&q=1&gclid=2", "https://docs.test/?q=1"),
        ("https://docs.test/?b=2&a=%2F", "https://docs.test/?b=2&a=%2F"),
        ("https://[::1]:8080/x", "https://[::1]:8080/x"),
        ("next?page=2", "https://docs.test/guide/next?page=2"),
        ("//other.test/x", "https://other.test/x"),
        ("/top", "https://docs.test/top"),
        ("mailto:a@docs.test", ""),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("file:///etc/passwd", ""),
        ("https://user:word@docs.test/", ""),
        ("https://docs.test:99999/", ""),
        ("https://docs.test:x/", ""),
        ("https://[::1/", ""),
        ("https://exa mple/", ""),
        ("https://" + "a" * 2000 + "/", ""),
    ],
)
def test_an_address_is_written_in_one_way(given: str, found: str) -> None:
    assert canonical(given, BASE) == found
    if found:
        assert canonical(found) == found


@given(st.text(max_size=60))
def test_whatever_stands_in_a_link_gives_an_address_or_none(text: str) -> None:
    found = canonical(text, BASE)
    assert not found or (found.isascii() and found.isprintable() and canonical(found) == found)


def test_what_belongs_to_a_site() -> None:
    reach = Reach("https://docs.test/guide/start", checked_prefix("guide/"))
    for held in ("https://docs.test/guide/start", "https://docs.test/guide", "https://docs.test/guide/x?y"):
        assert reach.holds(held)
    for other in (
        "https://docs.test/guidelines",
        "https://docs.test/",
        "http://docs.test/guide/x",
        "https://docs.test:444/guide/x",
        "https://docs.test.evil.test/guide/x",
    ):
        assert not reach.holds(other)
    assert Reach("http://docs.test/").holds("https://docs.test/x"), "a site that went to https"
    assert not Reach("http://docs.test:8000/").holds("https://docs.test/x")


def test_hosts_are_permitted_by_name_or_below_one(settings: Settings) -> None:
    def permits(*hosts: str) -> list[str]:
        settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update={"web_page_hosts": hosts})
        asked = ("a.test", "b.a.test", "ba.test", "test", "a.test.evil")
        return [host for host in asked if is_permitted(host)]

    assert permits() == []
    assert permits("A.test") == ["a.test"]
    assert permits(".a.test") == ["a.test", "b.a.test"]


ROBOTS = b"""\xef\xbb\xbfUser-agent: other
Disallow: /

User-agent: *
User-agent: another
Crawl-delay: 2.5
Disallow: /private # not this
Allow: /private/open
Disallow: /*.cgi$
Disallow: /search?q=
Disallow: /%E4%B8%AD
Disallow:
"""


@pytest.mark.parametrize(
    ("path", "permitted"),
    [
        ("/", True),
        ("/private", False),
        ("/private/x", False),
        ("/private/open/x", True),
        ("/a/b.cgi", False),
        ("/a/b.cgi?x", True),
        ("/search?q=x", False),
        ("/search", True),
        ("/%E4%B8%AD/x", False),
        ("/robots.txt", True),
    ],
)
def test_the_longest_rule_for_everybody_counts(path: str, permitted: bool) -> None:
    assert rules_of(ROBOTS).permits("https://docs.test" + path) is permitted


def test_a_group_of_our_own_counts_alone() -> None:
    rules = rules_of(ROBOTS + b"User-Agent: ChatPlatform\nDisallow: /ours\ncrawl-delay: 9999\n")
    assert rules.permits("https://docs.test/private")
    assert not rules.permits("https://docs.test/ours")
    assert (rules_of(ROBOTS).pause_s, rules.pause_s) == (2.5, LONGEST_PAUSE_S)
    assert rules_of(b"User-agent: *\nCrawl-delay: nan soon\nnonsense\n\xff\xfe").permits("https://docs.test/")


def test_no_pattern_takes_long() -> None:
    rules = rules_of(b"User-agent: *\nDisallow: /" + b"*a" * 5_000 + b"b$")
    assert rules.permits("https://docs.test/" + "a" * 900)  # one that goes back and forth would not end


def test_links_are_told_as_far_as_a_page_goes() -> None:
    page = b"""<html><head><base href="/base/"><link rel="alternate canonical" href="/own#x">
    <a href=one>1</a><a href='two#a'>2</a><A HREF="two">2</A><a rel="ugc nofollow" href="three">3</a>
    <a href="mailto:x@y">m</a><area href="&#102;our"><a href="five"<b></p></table><a href="six"""
    said = links_of(page, BASE)
    assert [link.removeprefix("https://docs.test/base/") for link in said.links] == [
        "one",
        "two",
        "four",
        "five",
    ]
    assert said.own == "https://docs.test/own"
    many = "".join(f"<a href=/{n}>" for n in range(MOST_LINKS + 50)).encode()
    assert len(links_of(many, BASE).links) == MOST_LINKS
    wide = links_of("<a href='/中'>".encode("gb18030"), BASE, charset="gb18030")
    assert wide.links == ("https://docs.test/%E4%B8%AD",)
    assert links_of(b"<a href=/x>", BASE, charset="no-such").links


@pytest.mark.parametrize(
    ("header", "kept", "followed"),
    [
        ("", True, True),
        ("noindex", False, True),
        ("NoFollow, noarchive", True, False),
        ("none", False, False),
        ("otherbot: noindex", True, True),
        ("chatplatform: noindex", False, True),
    ],
)
def test_what_a_header_says_is_heeded(header: str, kept: bool, followed: bool) -> None:
    said = robots_of(header)
    assert (said.is_kept, said.is_followed) == (kept, followed)


@pytest.mark.parametrize("unit", [b"<a ", b"<a b='", b"<a href=x ", b"<!--"])
def test_what_keeps_a_parser_busy_is_ended(unit: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks, "CPU_S", 1)
    with pytest.raises(MarksUnreadable):
        marks_of(unit * 200_000, charset="", names=("robots",))


def test_a_process_of_its_own_reads_marks() -> None:
    page = b"<base href=b><meta name=Robots content=noindex><a href=x>\xff<link rel=canonical href=y>"
    said = marks_of(page, charset="../../etc", names=("robots",))
    assert (said.links, said.base, said.own, said.metas) == (("x",), "b", "y", ("noindex",))


@given(st.binary(max_size=300))
def test_any_bytes_are_read(data: bytes) -> None:
    marks_here(b"<html><a href=x>" + data)
    rules_of(data).permits(BASE)
