"""Two workspaces with people of every kind in one of them, and one of each thing that an address or a frame can name.

All is made by the services that pages and programs use. Ids are given by the names that addresses have for them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from secrets import token_bytes
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from django.db import transaction
from django.test import Client, override_settings
from fido2.cose import ES256
from fido2.utils import sha256, websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData

from chatplatform.accounts import members
from chatplatform.accounts.api_tokens import make_token, scopes_for
from chatplatform.accounts.groups import add_to_group, create_group
from chatplatform.accounts.invitations import accept_invitation, invite
from chatplatform.accounts.models import ApiToken, Membership, Role, User, Workspace
from chatplatform.accounts.services import bootstrap_owner
from chatplatform.accounts.workspaces import create_workspace
from chatplatform.audit.checkpoints import checkpoint
from chatplatform.audit.queries import event_page
from chatplatform.audit.sequencer import sequence_pending
from chatplatform.chat import turns
from chatplatform.chat.attachments.links import attach
from chatplatform.chat.attachments.models import Attachment
from chatplatform.chat.content import sealed_queued
from chatplatform.chat.models import QueuedMessage, Turn
from chatplatform.chat.organising.folders import create_folder, create_tag
from chatplatform.chat.services import submit_message
from chatplatform.chat.sources.passages import Source
from chatplatform.chat.sources.services import keep_sources
from chatplatform.chat.summaries.services import keep_summary
from chatplatform.common.actors import Actor, ActorKind
from chatplatform.common.clock import now
from chatplatform.common.ids import new_id
from chatplatform.common.scope import workspace_scope
from chatplatform.documents.blocks import Block, Document
from chatplatform.documents.kinds import Kind
from chatplatform.files.content import path_of, sealed_key, sealed_name, write_document
from chatplatform.files.models import StoredFile
from chatplatform.inference.endpoints.endpoint_services import EndpointSpec, add_endpoint, switch_endpoint
from chatplatform.inference.models import EngineEndpoint
from chatplatform.jobs.services import cancel, enqueue
from chatplatform.knowledge.collections import create_collection, set_assistant
from chatplatform.knowledge.content import write_text
from chatplatform.knowledge.documents import add_text
from chatplatform.knowledge.gaps.services import file_gap
from chatplatform.knowledge.models import Collection
from chatplatform.knowledge.models import Document as KnowledgeDocument
from chatplatform.knowledge.quality.content import seal_proposal
from chatplatform.knowledge.quality.models import Proposal, QualityAnswer, QualityRun
from chatplatform.knowledge.quality.services import Golden, add_question
from chatplatform.knowledge.web_pages.services import add_site
from chatplatform.privacy.sealed_files import write_sealed
from chatplatform.privacy.subjects import Subject
from chatplatform.prompts.models import PromptLabel
from chatplatform.prompts.services import (
    AssistantSpec,
    create_assistant,
    create_prompt,
    move_label,
    save_version,
)
from chatplatform.sharing.imports import begin_import
from chatplatform.sharing.models import ExportFile
from chatplatform.sharing.policy import Policy, set_policy
from chatplatform.sharing.shares import Wish, make_share
from chatplatform.usage.models import QuotaRule, Unit, Window
from chatplatform.usage.services import set_rule

SYSTEM = Actor.system("test")
VISITOR = Actor(ActorKind.ANONYMOUS, "anonymous", "192.0.2.1")
# What an address or a frame names: first what is one person's alone, then what is the workspace's.
PERSONAL = (
    "conversation_id",
    "message_id",
    "turn_id",
    "summary_id",
    "queued_id",
    "folder_id",
    "tag_id",
    "own_token_id",
    "session_id",
    "passkey_id",
    "share_id",
    "export_id",
    "import_id",
)
# An id of nothing; where ids are numbers, this one.
MISSING: dict[str, str] = dict.fromkeys(("session_id", "passkey_id", "event_id"), "1000000000")
NOTHING = "00000000-0000-4000-8000-000000000000"

ENGINE_ID = "5ca1ab1e-0000-4000-8000-000000000001"

Ids = dict[str, str]


@dataclass
class Someone:
    """A person with a session, a token that has every scope their role may give, and things of their own."""

    user: User
    role: Role
    membership_id: UUID
    session_key: str
    token_id: UUID
    secret: str = field(repr=False)
    own: Ids

    @property
    def actor(self) -> Actor:
        return Actor.person(self.user.id)

    def browser(self) -> Client:
        """A browser in which this person is signed in: a new one each time, so that nobody signs it out."""
        client = Client(raise_request_exception=False)
        client.cookies[settings.SESSION_COOKIE_NAME] = self.session_key
        return client


@dataclass
class Place:
    """A workspace, its people by what they are called here, and its things."""

    workspace: Workspace
    people: dict[str, Someone]
    things: Ids

    def ids(self, person: str) -> Ids:
        """What this person would name: the workspace's things, and those of their own."""
        return {**self.things, **self.people[person].own}


@dataclass
class World:
    here: Place
    elsewhere: Place


def make_world() -> World:
    """Everything, within the caller's transactions."""
    owner = bootstrap_owner()
    here = _place(Workspace.objects.get(memberships__user=owner), owner, [*Role])
    _engine(Actor.person(owner.id))
    stranger = User.objects.create_user("stranger@example.org")
    elsewhere = _place(create_workspace("Elsewhere", owner=stranger, actor=SYSTEM), stranger, [Role.MEMBER])
    while sequence_pending():
        pass
    checkpoint()
    return World(here, elsewhere)


def _engine(actor: Actor) -> None:
    """One for the whole machine, switched off, where nobody listens."""
    row = add_endpoint(
        EndpointSpec("Second", "http://127.0.0.1:9/v1", "vllm", "machine", chat_model="large"), actor=actor
    )
    switch_endpoint(row.id, False, actor=actor)
    EngineEndpoint.objects.filter(id=row.id).update(id=ENGINE_ID)


def session_of(user: User) -> str:
    """A session of this person's; its key."""
    browser = Client()
    browser.force_login(user)
    browser.get("/settings/")  # notes the session, as a browser's first page does
    return browser.cookies[settings.SESSION_COOKIE_NAME].value


def _place(workspace: Workspace, owner: User, roles: list[Role]) -> Place:
    people: dict[str, Someone] = {}
    with workspace_scope(workspace.id):
        first = Actor.person(owner.id)
        set_policy(Policy(workspace_links=True, public_links=True), actor=SYSTEM)
        people[Role.OWNER] = _someone(workspace, owner)
        for role in roles:
            if role is not Role.OWNER:
                people[role] = _someone(workspace, _join(role, first))
        people["target"] = _someone(workspace, _join(Role.MEMBER, first))
        things = _things(workspace, people["target"], first)
        people["suspended"] = _someone(workspace, _join(Role.OWNER, first))
        members.suspend(people["suspended"].membership_id, actor=first)
        things["event_id"] = str(event_page(workspace.id, limit=1)[0].id)
    return Place(workspace, people, things)


def _join(role: Role, inviter: Actor) -> User:
    link = invite(role=role, actor=inviter).url
    token = urlsplit(link).path.strip("/").rpartition("/")[2]
    return accept_invitation(
        token, display_name=role.label, email=f"{uuid4().hex}@example.org", actor=VISITOR
    )


def _someone(workspace: Workspace, user: User) -> Someone:
    place = Membership.objects.get(user=user, workspace=workspace)
    key = session_of(user)
    actor = Actor.person(user.id)
    role = Role(place.role)
    made = make_token("test", scopes_for(role), expires_at=None, actor=actor)
    spare = make_token("to be revoked", scopes_for(role), expires_at=None, actor=actor)
    passkey = Authenticator.objects.create(
        user=user, type=Authenticator.Type.WEBAUTHN, data={"name": "Phone", "credential": _credential()}
    )
    submitted = submit_message(
        client_id=uuid4(), text="Mine alone", conversation_id=None, assistant_id=None, actor=actor
    )
    turns.finish(submitted.turn_id, Turn.State.FAILED, turns.Passport(), error_code="engine_refused")
    turn = Turn.objects.get(id=submitted.turn_id)
    keep_sources(turn.id, [Source(number=1, kind="file", title="Tents", passage="Mine alone")])
    summary_id = keep_summary(
        turn.conversation, turn.question, "Mine alone", first_number=1, messages=1, model="m", actor=actor
    )
    own = {
        "conversation_id": str(submitted.conversation_id),
        "summary_id": str(summary_id),
        "folder_id": str(create_folder("Mine", actor=actor).id),
        "tag_id": str(create_tag("Mine", actor=actor).id),
        "turn_id": str(turn.id),
        "message_id": str(turn.question_id),
        "queued_id": str(_queued(turn).id),
        "file_id": str(_file(workspace, user).id),
        "attachment_id": str(_attached(_file(workspace, user), turn).id),
        "share_id": str(make_share(submitted.conversation_id, Wish("workspace", 30), actor=actor).id),
        "export_id": str(_export(workspace, user).id),
        "import_id": str(begin_import(2, actor=actor).id),
        "own_token_id": str(spare.token_id),
        "session_id": str(UserSession.objects.get(user=user, session_key=key).pk),
        "passkey_id": str(passkey.pk),
    }
    return Someone(user, role, place.public_id, key, made.token_id, made.secret, own)


def _queued(turn: Turn) -> QueuedMessage:
    """One that was refused, so that nobody sends it."""
    queued_id = new_id()
    return QueuedMessage.objects.create(
        id=queued_id,
        workspace_id=turn.workspace_id,
        conversation=turn.conversation,
        owner_id=turn.owner_id,
        client_id=uuid4(),
        number=1,
        content=sealed_queued(Subject.person(turn.owner_id), queued_id, "Mine, later [[tokens=2]]"),
        refusal="internal",
    )


def _export(workspace: Workspace, user: User) -> ExportFile:
    """A file that is made, as short as one can be."""
    return ExportFile.objects.create(
        workspace_id=workspace.id,
        owner=user,
        format="json",
        finished_at=now(),
        expires_at=now() + timedelta(hours=1),
    )


def _file(workspace: Workspace, user: User) -> StoredFile:
    """One that was uploaded and read, and not sent."""
    owner = Subject.person(user.id)
    file = StoredFile(
        workspace_id=workspace.id, owner=user, kind="text", size=10, state="ready", characters=10
    )
    file.name = sealed_name(owner, file.id, "mine.txt")
    file.key = sealed_key(owner, file.id, write_sealed(path_of(file.id), [b"Mine alone"]))
    file.text_key = write_document(file, Document(Kind.TEXT, (Block("Mine alone"),)))
    file.save(force_insert=True)
    return file


def _attached(file: StoredFile, turn: Turn) -> Attachment:
    with transaction.atomic():
        attach([file.id], owner_id=turn.owner_id, message_id=turn.question_id)
    return Attachment.objects.get(file=file)


def _measured(collection_id: UUID, actor: Actor) -> tuple[UUID, UUID]:
    """A golden question, and a run in which it was asked."""
    question_id = add_question(collection_id, Golden("Mine?", is_unanswerable=True), actor=actor)
    run = QualityRun.objects.create(
        workspace_id=Collection.objects.get(id=collection_id).workspace_id,
        collection_id=collection_id,
        index_id=uuid4(),
        chunk_tokens=224,
        person_id=UUID(actor.id),
        questions=1,
        unanswerable=1,
        done_at=now(),
    )
    QualityAnswer.objects.create(
        workspace_id=run.workspace_id,
        run=run,
        question_id=question_id,
        is_unanswerable=True,
        is_refused=True,
        confidence=0.1,
        threshold=0.4,
        is_words_only=False,
        time_ms=20,
    )
    return question_id, run.id


def _read_document(collection_id: UUID, actor: Actor) -> UUID:
    """One that was pasted and read, and waits for its index."""
    kept = add_text(collection_id, "Tents", "Mine alone", actor=actor)
    document = KnowledgeDocument.objects.get(id=kept.document_id)
    document.state = KnowledgeDocument.State.READ
    document.text_key = write_text(document, Document(Kind.TEXT, (Block("Mine alone"),)))
    document.save()
    return document.id


def _proposed(document_id: UUID) -> UUID:
    """A question that a model proposed for it."""
    document = KnowledgeDocument.objects.get(id=document_id)
    proposal = Proposal(
        workspace_id=document.workspace_id,
        collection_id=document.collection_id,
        document=document,
        chunk_name="mine",
        state=Proposal.State.OPEN,
        likeness="mine",
    )
    seal_proposal(proposal, "Whose is it?", "Mine alone")
    proposal.save()
    return proposal.id


def _credential() -> dict[str, Any]:
    """What a browser would have sent when the passkey was made."""
    key_id = token_bytes(16)
    public = ES256.from_cryptography_key(ec.generate_private_key(ec.SECP256R1()).public_key())
    made = AuthenticatorData.create(
        sha256(b"localhost"),
        AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.AT,
        0,
        AttestedCredentialData.create(bytes(16), key_id, public),
    )
    return {
        "id": websafe_encode(key_id),
        "rawId": websafe_encode(key_id),
        "type": "public-key",
        "response": {
            "clientDataJSON": websafe_encode(b'{"type":"webauthn.create","challenge":"AA","origin":"x"}'),
            "attestationObject": websafe_encode(bytes(AttestationObject.create("none", made, {}))),
        },
    }


def _things(workspace: Workspace, target: Someone, actor: Actor) -> Ids:
    prompt = create_prompt("Shop", "Answer questions about the shop.", actor=actor)
    second = save_version(prompt.prompt_id, "Answer briefly.", actor=actor)
    move_label(prompt.prompt_id, PromptLabel.PRODUCTION, second.version_id, actor=actor)
    move_label(prompt.prompt_id, "spring", prompt.version_id, actor=actor)
    group = create_group("Readers", actor=actor)
    add_to_group(group.id, target.membership_id, actor=actor)
    spare_group = create_group("Writers", actor=actor)
    assistant_id = create_assistant(AssistantSpec("Clerk"), prompt.prompt_id, actor=actor)
    waiting = enqueue("console.plug_probe", args={}, actor=actor, workspace_id=workspace.id)
    over = enqueue("console.plug_probe", args={}, actor=actor, workspace_id=workspace.id)
    cancel(over, actor=actor)
    rule_id = set_rule(
        subject_kind=QuotaRule.Subject.PERSON,
        subject_id=target.user.id,
        unit=Unit.TURNS,
        window=Window.DAY,
        limit=1000,
        actor=actor,
    )
    invitation = invite(role=Role.MEMBER, actor=actor)
    collection_id = create_collection("Readings", actor=actor)
    set_assistant(assistant_id, [collection_id], actor=actor)
    gap_id = file_gap(
        "Mine alone?",
        assistant_id=assistant_id,
        conversation_id=UUID(target.own["conversation_id"]),
        actor=target.actor,
    )
    with override_settings(
        ENVIRONMENT=settings.ENVIRONMENT.model_copy(update={"web_page_hosts": ("mine.invalid",)})
    ):
        site_id = add_site(collection_id, "https://mine.invalid/", actor=actor)
    golden_id, run_id = _measured(collection_id, actor)
    document_id = _read_document(collection_id, actor)
    return {
        "collection_id": str(collection_id),
        "site_id": str(site_id),
        "gap_id": str(gap_id),
        "question_id": str(golden_id),
        "run_id": str(run_id),
        "document_id": str(document_id),
        "proposal_id": str(_proposed(document_id)),
        "prompt_id": str(prompt.prompt_id),
        "version_id": str(prompt.version_id),
        "group_id": str(group.id),
        "other_group_id": str(spare_group.id),
        "assistant_id": str(assistant_id),
        "job_id": str(waiting),
        "over_job_id": str(over),
        "rule_id": str(rule_id),
        "invitation_id": str(invitation.invitation_id),
        "membership_id": str(target.membership_id),
        "member_token_id": target.own["own_token_id"],
        "member_share_id": target.own["share_id"],
        "workspace_id": str(workspace.id),
    }


def dead_secrets(world: World) -> dict[str, str]:
    """Secrets that open nothing any more, or never did, by why."""
    someone = world.here.people["target"]
    with workspace_scope(world.here.workspace.id):
        revoked, expired = (
            make_token(name, scopes_for(someone.role), expires_at=None, actor=someone.actor)
            for name in ("revoked", "expired")
        )
        ApiToken.objects.filter(id=revoked.token_id).update(revoked_at=now())
        ApiToken.objects.filter(id=expired.token_id).update(expires_at=now() - timedelta(seconds=1))
    return {
        "revoked": revoked.secret,
        "expired": expired.secret,
        "of a suspended person": world.here.people["suspended"].secret,
        "forged": "cp_" + "x" * 56,
        "cut": someone.secret[:-1],
        "longer": someone.secret + "a",
        "empty": "",
        "the hash of one": someone.secret[3:],
    }
