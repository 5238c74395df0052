"""Tokens: who is asking, and for administrators all of them."""

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path
from starlette.requests import Request
from starlette.responses import Response

from ckm_stream.gateway.answers import Me, TokenList
from ckm_stream.gateway.context import answer, gateway_of
from ckm_stream.gateway.openapi import SECURED, answering
from ckm_stream.gateway.problems import not_found
from ckm_stream.gateway.routes.parameters import needs
from ckm_stream.snapshots.tokens import Scope, TokenStore

router = APIRouter(tags=["tokens"])

_ADMIN: Final = [Depends(needs(Scope.ADMIN))]
TokenId = Annotated[str, Path(pattern=r"^[0-9a-f]{12}$", description="The token's id.")]


@router.get(
    "/v1/me", responses=answering(Me), openapi_extra=SECURED, summary="What this token is good for"
)
async def read_me(request: Request) -> Response:
    """Return the name, the scopes and the end of the token that is used."""
    token = await gateway_of(request).admit(request, None)
    return answer(Me(token.name, token.scopes, token.told().expires_at))


@router.get(
    "/v1/tokens",
    responses=answering(TokenList),
    openapi_extra=SECURED,
    dependencies=_ADMIN,
    summary="All tokens, without their secrets",
)
async def read_tokens(request: Request) -> Response:
    """Return all tokens, oldest first; those revoked or expired too."""
    found = await gateway_of(request).store.read(lambda engine: TokenStore(engine).all())
    return answer(TokenList([each.told() for each in found.values()]))


@router.delete(
    "/v1/tokens/{token_id}",
    responses={204: {"description": "revoked"}, **answering(None, HTTPStatus.NOT_FOUND)},
    status_code=HTTPStatus.NO_CONTENT.value,
    openapi_extra=SECURED,
    dependencies=_ADMIN,
    summary="Revoke a token",
)
async def revoke_token(request: Request, token_id: TokenId) -> Response:
    """End a token; all gateways refuse it within seconds."""
    gateway = gateway_of(request)
    now_s = gateway.now().timestamp()
    known = await gateway.store.read(
        lambda engine: TokenStore(engine).revoke(token_id, now_s=now_s)
    )
    if not known:
        raise not_found("there is no token of this id")
    return Response(status_code=HTTPStatus.NO_CONTENT.value)
