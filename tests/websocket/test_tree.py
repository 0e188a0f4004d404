"""The tree of a conversation as sockets meet it: versions, branches, forks, answers that go on."""

from __future__ import annotations

from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async

from chatplatform.chat import services, turns
from chatplatform.chat.models import Conversation, Message, Turn
from chatplatform.common.scope import workspace_scope
from chatplatform.testing.chat_client import ChatClient
from tests.websocket.conftest import Person, Site

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "keys"])


def texts(client: ChatClient) -> list[str]:
    return [message.text for message in client.screen.messages]


async def say(client: ChatClient, text: str) -> None:
    client_id = await client.ask(text)
    await client.until(lambda s: any(m.text == text for m in s.messages), timeout_s=20)
    await client.finished()
    assert client_id


async def test_another_wording_is_a_branch_and_both_are_found_again(site: Site, owner: Person) -> None:
    async with site.client(owner) as client, site.client(owner) as other:
        await say(client, "First [[tokens=3]]")
        await say(client, "Second [[tokens=4]]")
        before = texts(client)
        question = client.screen.messages[0]
        await other.send("open", conversation_id=client.screen.conversation["id"])
        await other.frame("snapshot")
        await client.send(
            "edit", client_id=str(uuid4()), message_id=question.id, text="Else [[tokens=5]]", answer=True
        )
        await client.until(lambda s: s.messages[0].id != question.id)
        await client.finished()
        assert texts(client) == ["Else [[tokens=5]]", "w0 w1 w2 w3 w4"]
        assert client.screen.messages[0].versions == [question.id, client.screen.messages[0].id]
        await other.until(lambda s: [m.text for m in s.messages] == texts(client))

        await other.send("switch", message_id=question.id)
        await client.until(lambda s: [m.text for m in s.messages] == before)
        await other.until(lambda s: [m.text for m in s.messages] == before)
        # walking back and on again finds the branch as it was left, down to its end
        await client.send("switch", message_id=client.screen.messages[0].versions[1])
        await other.until(lambda s: len(s.messages) == 2)


async def test_saved_words_change_in_place_and_the_old_ones_stay(site: Site, owner: Person) -> None:
    async with site.client(owner) as client, site.client(owner) as other:
        await say(client, "Frist [[tokens=3]]")
        question, answer = client.screen.messages
        await other.send("open", conversation_id=client.screen.conversation["id"])
        await other.frame("snapshot")
        await client.send(
            "edit", client_id=str(uuid4()), message_id=question.id, text="First [[tokens=3]]", answer=False
        )
        await other.until(lambda s: s.messages[0].text == "First [[tokens=3]]")
        assert [m.id for m in other.screen.messages] == [question.id, answer.id]
        # two tabs that edit the same message: both wordings are kept
        await other.send("edit", client_id=str(uuid4()), message_id=question.id, text="Firsts", answer=False)
        await client.until(lambda s: s.messages[0].text == "Firsts")
        versions = client.screen.messages[0].versions
        assert len(versions) == 3
        assert versions[-1] == question.id
        await client.send("switch", message_id=versions[0])
        await client.until(lambda s: [m.text for m in s.messages] == ["Frist [[tokens=3]]"])
        # which nobody answered: it can be
        await client.send("regenerate", client_id=str(uuid4()), message_id=versions[0])
        await client.until(lambda s: len(s.messages) == 2)
        assert (await client.finished()).text == "w0 w1 w2"


async def test_an_earlier_answer_is_written_again_in_a_branch(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        await say(client, "First [[tokens=3]]")
        await say(client, "Second [[tokens=4]]")
        first = client.screen.messages[1]
        await client.send("regenerate", client_id=str(uuid4()), turn_id=first.turn["id"])
        await client.until(lambda s: len(s.messages) == 2 and s.messages[1].id != first.id)
        again = await client.finished()
        assert again.versions == [first.id, again.id]
        await client.send("switch", message_id=first.id)
        await client.until(lambda s: len(s.messages) == 4)


async def test_a_stopped_answer_goes_on_in_the_same_message(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        await client.ask("Hello [[tokens=300 delay_ms=10]]")
        await client.until(lambda s: bool(s.messages) and len(s.messages[-1].turn["tail"]["text"]) > 30)
        await client.send("stop", turn_id=client.screen.messages[-1].turn["id"])
        stopped = await client.finished()
        assert stopped.turn["can_continue"]
        await client.send("continue", turn_id=stopped.turn["id"])
        await client.until(lambda s: s.messages[-1].is_running)
        whole = await client.finished()
        assert whole.id == stopped.id
        assert whole.text == " ".join(f"w{n}" for n in range(300))
        assert not whole.turn["can_continue"]
        await client.send("continue", turn_id=whole.turn["id"])
        assert (await client.frame("error"))["code"] == "not_cut"


async def test_a_fork_has_its_own_texts(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        await say(client, "First [[tokens=3]]")
        await say(client, "Second [[tokens=4]]")
        source = client.screen.conversation["id"]
        answer, client_id = client.screen.messages[1].id, str(uuid4())
        await client.send("fork", client_id=client_id, message_id=answer)
        fork = (await client.frame("forked"))["conversation"]
        await client.send("fork", client_id=client_id, message_id=answer)
        assert (await client.frame("forked"))["conversation"]["id"] == fork["id"], "sent twice, made once"
        await client.send("open", conversation_id=fork["id"])
        await client.until(lambda s: s.conversation["id"] == fork["id"])
        assert texts(client) == ["First [[tokens=3]]", "w0 w1 w2"]
        await say(client, "Third [[tokens=2]]")
        await client.send("regenerate", client_id=str(uuid4()), message_id=client.screen.messages[1].id)
        await client.until(lambda s: len(s.messages) == 2)
        await client.finished()

        @sync_to_async
        def lengths() -> tuple[int, int]:
            with workspace_scope(owner.workspace.id):
                services.delete_conversation(source, actor=owner.actor)
                return Conversation.objects.count(), Message.objects.count()

        assert await lengths() == (1, 5)
        await client.send("open", conversation_id=fork["id"])
        await client.frame("snapshot")
        assert texts(client)[0] == "First [[tokens=3]]", "it is readable without the other one"


async def test_a_branch_that_is_not_shown_still_runs_and_is_told(site: Site, owner: Person) -> None:
    async with site.client(owner) as client:
        await say(client, "First [[tokens=3]]")
        first = client.screen.messages[1]
        await client.ask("Second [[hold=1 tokens=2]]")
        await client.until(lambda s: len(s.messages) == 4)
        running = client.screen.messages[3].turn["id"]
        second = client.screen.messages[2].id
        await client.send("edit", client_id=str(uuid4()), message_id=second, text="No", answer=True)
        assert (await client.frame("error"))["code"] == "answer_running"
        # the question is saved in other words meanwhile, and the words before are looked at
        await client.send("edit", client_id=str(uuid4()), message_id=second, text="2nd", answer=False)
        await client.until(lambda s: s.messages[2].text == "2nd")
        client.frames.clear()
        await client.send("switch", message_id=client.screen.messages[2].versions[0])
        snapshot = await client.frame("snapshot")
        assert len(snapshot["messages"]) == 3
        assert snapshot["running_turn_id"] == running
        await client.send("stop", turn_id=running)
        await client.send("switch", message_id=second)
        await client.until(lambda s: len(s.messages) == 4 and not s.messages[3].is_running)
        assert client.screen.messages[1].id == first.id


async def test_choosing_who_answers(site: Site, owner: Person) -> None:
    async with site.client(owner) as client, site.client(owner) as other:
        await say(client, "First [[tokens=3]]")
        conversation_id = client.screen.conversation["id"]
        await client.send("choose", conversation_id=conversation_id, assistant_id=str(uuid4()))
        assert (await client.frame("error"))["code"] == "assistant_unknown"
        await client.send("choose", conversation_id=conversation_id, model="no-such-model")
        assert (await client.frame("error"))["code"] == "model_unknown"

        @sync_to_async
        def another() -> tuple[str, str]:
            from chatplatform.prompts.models import Prompt
            from chatplatform.prompts.services import AssistantSpec, create_assistant

            with workspace_scope(owner.workspace.id):
                prompt = Prompt.objects.first()
                assert prompt is not None
                made = create_assistant(AssistantSpec("Clerk"), prompt.id, actor=owner.actor)
                from chatplatform.chat.versions import served_models

                return str(made), served_models()[0]

        assistant_id, model = await another()
        await client.send("choose", conversation_id=conversation_id, assistant_id=assistant_id, model=model)
        await other.until(
            lambda s: s.conversations.get(conversation_id, {}).get("assistant_id") == assistant_id
        )
        assert other.screen.conversations[conversation_id]["model"] == model
        await say(client, "Second [[tokens=3]]")
        assert client.screen.messages[3].turn["assistant_id"] == assistant_id
        assert client.screen.messages[1].turn["assistant_id"] not in {None, assistant_id}


async def test_thousands_of_messages_change_branch_with_few_queries(
    site: Site, owner: Person, django_assert_max_num_queries: object
) -> None:
    from chatplatform.chat.tree import show_branch
    from chatplatform.common.ids import new_id

    @sync_to_async
    def walk() -> tuple[list[int], list[int]]:
        with workspace_scope(owner.workspace.id):
            submitted = services.submit_message(
                client_id=uuid4(), text="Hi", conversation_id=None, assistant_id=None, actor=owner.actor
            )
            turns.finish(submitted.turn_id, Turn.State.STOPPED, turns.Passport())
            conversation = Conversation.objects.get()
            root = Message.objects.get(number=1)
            rows: list[Message] = []
            for branch, shown in ((0, False), (1, True)):
                parent = root
                for step in range(2500):
                    row = Message(
                        id=new_id(),
                        workspace_id=owner.workspace.id,
                        conversation=conversation,
                        parent=parent,
                        number=10 + 2 * step + branch,
                        role=Message.Role.ASSISTANT if step % 2 == 0 else Message.Role.USER,
                        on_path=shown,
                        chosen=shown or step > 0,
                    )
                    rows.append(row)
                    parent = row
            Message.objects.filter(number=2).update(on_path=False, chosen=False)
            Message.objects.bulk_create(rows, batch_size=500)
            with django_assert_max_num_queries(5):  # type: ignore[operator]
                assert show_branch(conversation, rows[1200])
            path = Message.objects.filter(on_path=True).order_by("number").values_list("number", flat=True)
            chosen = Message.objects.filter(parent=root, chosen=True).values_list("number", flat=True)
            return list(path), list(chosen)

    path, chosen = await walk()
    assert path == [1, *range(10, 10 + 2 * 2500, 2)]
    assert chosen == [10]
