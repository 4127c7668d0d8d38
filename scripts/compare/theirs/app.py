"""The scorer's rival: a payment in, 80 features out of Redis, one score of LightGBM, an answer.

It is written to be fast: uvloop and httptools under it, the body validated by pydantic's own parser with no dictionary
between, one round trip to Redis over a pool of connections, LightGBM on one thread within the loop (a pool of threads
would cost more than the 40 µs of a score), orjson for the answer. It keeps no windows, remembers no payment, publishes
nothing and verifies no caller. Features lie as feature stores keep them, a hash of named values for each party.
REDIS_PORT and MODEL say where features and model are.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import lightgbm as lgb
import numpy as np
import orjson
from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, Field, ValidationError
from redis.asyncio import BlockingConnectionPool, Redis

FEATURES_EACH = 40  # of the payer and of the payee
NAMES = [f"feature_{i}" for i in range(FEATURES_EACH)]
HOLD = 0.5
CONNECTIONS = 64


class Party(BaseModel):
    """One side of a payment, with what its features are kept under."""

    ispb: str
    branch: str = ""
    account: str = ""
    document: str = ""
    key: str = ""
    name: str = ""

    def features(self) -> str:
        """Return the key of its features in Redis."""
        return f"{self.ispb}:{self.branch}:{self.account}"


class Payment(BaseModel):
    """What the service reads of a payment. The amount is in centavos."""

    id: str = Field(alias="endToEndId", pattern=r"^[ED][0-9A-Z]{8}\d{12}[A-Za-z0-9]{11}$")
    direction: str
    amount: int = Field(alias="amountCentavos", gt=0)
    payer: Party
    payee: Party


async def features(redis: Redis, payment: Payment) -> np.ndarray:
    """Return the payment's features as one row of 80; one that is not there is 0."""
    pipeline = redis.pipeline(transaction=False)
    for party in (payment.payer, payment.payee):
        pipeline.hmget(party.features(), NAMES)
    payer, payee = await pipeline.execute()
    return np.array([[float(value or 0) for value in payer + payee]])


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Hold the model and the pool for as long as the process serves."""
    app.state.booster = lgb.Booster(model_file=os.environ["MODEL"])
    pool = BlockingConnectionPool(host="127.0.0.1", port=int(os.environ["REDIS_PORT"]), max_connections=CONNECTIONS)
    app.state.redis = Redis(connection_pool=pool)
    yield
    await app.state.redis.aclose()
    await pool.aclose()


app = FastAPI(lifespan=lifespan, openapi_url=None)


@app.get("/readyz")
async def ready() -> Response:
    """Answer once model and Redis are there."""
    await app.state.redis.ping()
    return Response(status_code=200)


@app.post("/v1/decisions")
async def decide(request: Request) -> Response:
    """Score one payment and answer with an outcome."""
    try:
        payment = Payment.model_validate_json(await request.body())
    except ValidationError as error:
        return Response(orjson.dumps({"problems": error.error_count()}), status_code=400, media_type="application/json")
    row = await features(app.state.redis, payment)
    score = float(app.state.booster.predict(row, num_threads=1)[0])
    answer = {"endToEndId": payment.id, "outcome": "HOLD" if score > HOLD else "APPROVE", "score": score, "model": "1"}
    return Response(orjson.dumps(answer), media_type="application/json")
