"""What can be said for one event: recomputed from its row, its leaf and the signed tree over it."""

from __future__ import annotations

from dataclasses import dataclass

from chatplatform.audit.encoding import EVENT_COLUMNS, details_digest, encode_event
from chatplatform.audit.merkle import inclusion_holds, leaf_hash
from chatplatform.audit.models import AuditEvent, Leaf
from chatplatform.audit.proofs import EventProof, event_proof
from chatplatform.audit.signing import existing_public_key, key_id, signature_holds, signed_bytes


@dataclass(frozen=True, slots=True)
class Evidence:
    """`proof` is None while no checkpoint covers the event. The rest says what of it holds.

    `details_hold` is None when the details were erased; `signature_holds` when the key is not on this machine.
    """

    digest: bytes
    leaf_hash: bytes | None
    details_hold: bool | None
    leaf_holds: bool | None
    proof: EventProof | None
    proof_holds: bool
    signature_holds: bool | None

    @property
    def is_proved(self) -> bool:
        return bool(
            self.proof_holds and self.leaf_holds and self.signature_holds and self.details_hold is not False
        )

    @property
    def is_damaged(self) -> bool:
        """Something contradicts the row, which is more than a proof that is still to come."""
        contradicts = False in (self.details_hold, self.leaf_holds, self.signature_holds)
        return contradicts or (self.proof is not None and not self.proof_holds)


def check_event(event_id: int) -> Evidence:
    """Check one event of the log. The event must exist."""
    row = AuditEvent.objects.get(id=event_id)
    leaf = Leaf.objects.filter(event_id=event_id).first()
    computed = leaf_hash(encode_event(*(getattr(row, name) for name in EVENT_COLUMNS)))
    details_hold = None
    if row.salt is not None:
        details_hold = details_digest(bytes(row.salt), row.ip, row.details) == bytes(row.digest)
    proof = event_proof(event_id)
    return Evidence(
        digest=bytes(row.digest),
        leaf_hash=bytes(leaf.leaf_hash) if leaf else None,
        details_hold=details_hold,
        leaf_holds=bytes(leaf.leaf_hash) == computed if leaf else None,
        proof=proof,
        proof_holds=proof is not None
        and inclusion_holds(computed, proof.index, proof.checkpoint.size, proof.path, proof.checkpoint.root),
        signature_holds=_signature_holds(proof) if proof else None,
    )


def _signature_holds(proof: EventProof) -> bool | None:
    key, signed = existing_public_key(), proof.checkpoint
    if key is None or key_id(key) != signed.key_id:
        return None
    return signature_holds(key, signed.signature, signed_bytes(signed.size, signed.root, signed.at))
