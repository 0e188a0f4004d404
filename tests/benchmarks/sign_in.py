"""From the password to the first page, over HTTP on loopback; what hashing the password takes is said beside it."""

from __future__ import annotations

import re
import statistics
from time import perf_counter

import httpx

from tests.benchmarks.site import measured_site

ROUNDS = 40
PASSWORD = "seven wet tents in a row"
PERSON = f"""
import django
django.setup()
from time import perf_counter
from chatplatform.accounts.models import Membership, Role, User, Workspace
from chatplatform.accounts.services import bootstrap_owner
workspace = Workspace.objects.get(memberships__user=bootstrap_owner())
user = User.objects.create_user("bench@example.org")
user.set_password({PASSWORD!r})
user.save()
Membership.objects.create(user=user, workspace=workspace, role=Role.MEMBER)
took = []
for _ in range(20):
    began = perf_counter()
    assert user.check_password({PASSWORD!r})
    took.append(perf_counter() - began)
print(sorted(took)[10] * 1000)
"""


def one(url: str) -> float:
    """Milliseconds from sending the form until the chat's page is here."""
    with httpx.Client(base_url=url, follow_redirects=True) as browser:
        form = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', browser.get("/sign-in/").text)
        assert form
        sent = {"csrfmiddlewaretoken": form[1], "email": "bench@example.org", "password": PASSWORD}
        began = perf_counter()
        page = browser.post("/sign-in/", data=sent)
        took = perf_counter() - began
    assert page.status_code == 200
    assert 'id="message"' in page.text
    return took * 1000


def main() -> None:
    with measured_site() as (site, _engine):
        hashing = float(site.script(PERSON).splitlines()[-1])
        for _ in range(3):
            one(site.url)
        took = sorted(one(site.url) for _ in range(ROUNDS))
    print(
        f"sign-in to first page: {statistics.median(took):.0f} ms (median of {ROUNDS}), "
        f"{took[int(ROUNDS * 0.95)]:.0f} ms at the 95th percentile; {hashing:.0f} ms of it check the password"
    )
