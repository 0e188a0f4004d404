"""ID tokens: believed only when everything about them is right."""

from __future__ import annotations

import json
from typing import Any, Final

import jwt
from allauth.socialaccount.providers.oauth2.client import OAuth2Error

# signatures that only the provider can make: no shared secrets, and never none
ALGORITHMS: Final = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
)  # fmt: skip
_REQUIRED: Final = ["iss", "aud", "sub", "exp", "iat"]
_CLOCK_S: Final = 30


def read_id_token(token: str, *, keys: Any, issuer: str, client_id: str, nonce: str) -> dict[str, Any]:
    """The claims of an ID token that this provider signed, for us, now, in answer to this very question.

    Raises OAuth2Error otherwise, with a reason that holds nothing of the token.
    """
    try:
        header = jwt.get_unverified_header(token)
        algorithm = header.get("alg")
        if algorithm not in ALGORITHMS:
            raise OAuth2Error("algorithm")
        claims: dict[str, Any] = jwt.decode(
            token,
            key=_key(keys, header.get("kid"), algorithm),
            algorithms=[algorithm],
            audience=client_id,
            issuer=issuer,
            leeway=_CLOCK_S,
            options={"require": _REQUIRED},
        )
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise OAuth2Error(type(error).__name__) from error
    if isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and claims.get("azp") != client_id:
        raise OAuth2Error("authorised party")
    if not nonce or claims.get("nonce") != nonce:
        raise OAuth2Error("nonce")
    if not isinstance(claims["sub"], str) or not 0 < len(claims["sub"]) <= 255:
        raise OAuth2Error("subject")
    return claims


def _key(keys: Any, kid: Any, algorithm: str) -> Any:
    """The provider's key for this token: by its id, or the only one for the algorithm when the token names none."""
    usable = [
        each
        for each in keys["keys"]
        if each.get("use", "sig") == "sig"
        and each.get("alg", algorithm) == algorithm
        and (kid is None or each.get("kid") == kid)
    ]
    if len(usable) != 1:
        raise OAuth2Error("key")
    return jwt.PyJWK.from_json(json.dumps(usable[0]), algorithm).key
