"""The ASGI application, put together."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from steward_graphql.schema.registry import api_for
from steward_server.api import files, health, logs, oauth, problems, signin, telemetry, visits
from steward_server.api.edge import Edge
from steward_server.api.graphql import PATH as GRAPHQL
from steward_server.api.graphql import make_endpoint, make_engine
from steward_server.api.metrics import Metrics
from steward_server.api.middleware import Frame
from steward_server.api.origins import AllowedOrigins
from steward_server.composition import make_database, make_file_store, make_mailer
from steward_server.settings import Settings, load_settings
from steward_tenants.database.pipeline import Pipelines
from steward_tenants.oauth.authentication import AccessTokenAuthenticator
from steward_tenants.outbox.ringing import ring_with
from steward_tenants.signin.authentication import SessionAuthenticator
from steward_tenants.signin.background import settled
from steward_tenants.valkey import Valkey
from steward_workers.metrics import QueueMetrics
from steward_workers.ring import Ringer


class Service(FastAPI):
    """The REST service with GraphQL beside it: requests at its path do not pass the router."""

    graphql: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, socket or the lifespan."""
        if scope["type"] != "lifespan" and (scope["path"] == GRAPHQL or scope["path"].startswith(GRAPHQL + "/")):
            await self.graphql(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def create_app(settings: Settings) -> Service:
    """The application over `settings`. Its connections open with the first request and close with its lifespan."""
    database = make_database(settings)
    pipelines = Pipelines(database, settings.graphql_connections)
    edge = Edge(
        settings=settings,
        database=database,
        valkey=Valkey(settings.redis_url.get_secret_value()),
        sessions=SessionAuthenticator(database, pipelines),
        access_tokens=AccessTokenAuthenticator(database, settings.public_url, settings.public_url),
        mailer=make_mailer(settings),
        file_store=make_file_store(settings),
        origins=AllowedOrigins(database),
        pipelines=pipelines,
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        ringer = Ringer(Valkey(settings.redis_url.get_secret_value()))
        ring_with(ringer.ring)
        yield
        await settled()
        ring_with(None)
        await ringer.close()
        await engine.close()
        await edge.valkey.close()
        await database.dispose()
        if (provider := getattr(app.state, "tracer_provider", None)) is not None:
            await asyncio.to_thread(provider.shutdown)

    app = Service(
        title="Steward 管家",
        version="1",
        summary="Sign-in, OAuth, one's own account, files, printed day sheets, health. Business data speak GraphQL.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.edge = edge
    app.state.metrics = Metrics(database)
    app.state.queue_metrics = QueueMetrics(database, edge.valkey, app.state.metrics.registry)
    engine = make_engine(edge, app.state.metrics)
    app.state.graphql = engine
    app.graphql = make_endpoint(edge, engine, app.state.metrics)
    problems.install(app)
    for router in (health.router, signin.router, oauth.router, files.router, visits.router):
        app.include_router(router)
    app.add_middleware(Frame, edge=edge, metrics=app.state.metrics)
    telemetry.install(app, settings)
    return app


def from_environment() -> Service:
    """For ASGI servers that are given a factory: a process that does nothing else."""
    settings = load_settings()
    logs.configure(settings)
    app = create_app(settings)
    api_for(frozenset())  # the first request would wait for it
    gc.collect()
    # What is here stays. Not counted among what may be garbage, it does not put off the collection of what is.
    gc.freeze()
    return app
