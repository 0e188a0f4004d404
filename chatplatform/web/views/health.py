"""For supervisors, load balancers and Prometheus: alive, ready, and how much there is to do."""

from __future__ import annotations

import hmac
from ipaddress import ip_address

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.request import split_domain_port
from django.views.decorators.http import require_safe

from chatplatform.common.metrics import CONTENT_TYPE, all_metrics, exposition
from chatplatform.health import gauges
from chatplatform.health.readiness import READINESS

# What a proxy adds: a request that carries one came from elsewhere, whatever its address says.
_OF_PROXIES = ("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Forwarded", "Via")
_LOOPBACK_NAMES = {"localhost", "127.0.0.1", "[::1]"}


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 while the database answers, else 503. Says nothing else."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return JsonResponse({"status": "unavailable"}, status=503)
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when this process can take people, else 503 with the reasons, which docs/operations.md lists."""
    reasons = READINESS.reasons()
    if reasons:
        return JsonResponse({"status": "not_ready", "reasons": list(reasons)}, status=503)
    return JsonResponse({"status": "ready"})


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' text, for this machine or for who has the token; to all others there is nothing here."""
    if not _may_read(request):
        raise Http404
    try:
        text = exposition(all_metrics(), process=_process_name())
    except DatabaseError:
        # Prometheus notices a failed scrape; half the numbers would look like all of them
        return HttpResponse(status=503, content_type="text/plain")
    return HttpResponse(text, content_type=CONTENT_TYPE)


def _process_name() -> str:
    return f"{settings.PROCESS_ROLE}:{settings.ENVIRONMENT.port}"


def _may_read(request: HttpRequest) -> bool:
    token = settings.ENVIRONMENT.metrics_token
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    if token and kind.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode()):
        return True
    return _is_from_this_machine(request)


def _is_from_this_machine(request: HttpRequest) -> bool:
    try:
        is_loopback = ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
    name, _port = split_domain_port(request.get_host())
    return is_loopback and name in _LOOPBACK_NAMES and not any(h in request.headers for h in _OF_PROXIES)


__all__ = ["gauges", "healthz", "metrics", "readyz"]
