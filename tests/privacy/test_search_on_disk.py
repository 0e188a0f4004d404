"""Messages that are packed into the index, and a search for them: no byte of their words on the disk, in clear."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from chatplatform.testing.fixtures import TOKEN, ScriptedEngineProcess
from chatplatform.testing.site_process import SiteProcesses
from tests.privacy.test_canary_on_disk import files_with

CANARY = "zephyranthes-canary"
RARE = "罕见词汇鹈鹕"
# as the web process writes and the worker packs; in a process of its own, so that all of it is on the disk
FILL = """
import sys
import django
django.setup()
words, rare = sys.argv[1:]
from chatplatform.accounts.models import Membership
from chatplatform.chat.content import sealed_message, sealed_title
from chatplatform.chat.models import Conversation, Message
from chatplatform.chat.organising.folders import create_folder, create_tag
from chatplatform.chat.searchable import make_findable
from chatplatform.common.actors import Actor
from chatplatform.common.ids import new_id
from chatplatform.common.scope import workspace_scope
from chatplatform.privacy.subjects import Subject
from chatplatform.text_search.models import SearchBucket
from chatplatform.text_search.pack_making import make_due_packs
place = Membership.objects.order_by("-created_at").first()
owner, actor = Subject.person(place.user_id), Actor.person(place.user_id)
with workspace_scope(place.workspace_id):
    conversation = Conversation(id=new_id(), workspace_id=place.workspace_id, owner_id=place.user_id)
    conversation.title = sealed_title(owner, conversation.id, words)
    conversation.save()
    rows = []
    for number in range(1, 301):
        row = Message(id=new_id(), workspace_id=place.workspace_id, conversation=conversation, number=number)
        row.content = sealed_message(owner, row.id, f"{words} {rare} {number}")
        rows.append(row)
    Message.objects.bulk_create(rows)
    make_findable(conversation, *rows)
    create_folder(words, instructions=rare, actor=actor)
    create_tag(rare, actor=actor)
    assert make_due_packs(within_s=60) == 1
    print(SearchBucket.objects.count())
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[SiteProcesses]:
    engine = ScriptedEngineProcess()
    site = SiteProcesses(tmp_path, engine_url=engine.url, engine_token=TOKEN)
    yield site
    site.stop()
    engine.stop()


@pytest.mark.slow
def test_no_word_of_the_index_or_a_query_on_the_disk(site: SiteProcesses, tmp_path: Path) -> None:
    site.migrate()
    (cookie,) = site.people(1)
    assert int(site.script(FILL, CANARY, RARE)) > 10
    site.start_web()
    name, _, value = cookie.partition("=")
    accept = {"accept": "application/json"}
    with httpx.Client(base_url=site.url, cookies={name: value}, headers=accept) as browser:
        browser.get("/")
        token = browser.cookies["csrftoken"]
        for words in (CANARY[:12], RARE[1:4]):
            answer = browser.post("/search/", data={"q": words, "csrfmiddlewaretoken": token})
            assert len(answer.json()["messages"]) == 20, answer.text
    for word in (CANARY, RARE, "zephyranthes", "鹈鹕"):
        assert files_with(word, tmp_path) == []
    site.stop()
    for word in (CANARY, RARE, "zephyranthes", "鹈鹕"):
        assert files_with(word, tmp_path) == []
