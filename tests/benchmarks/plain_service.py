"""A plain service of the same stack, for comparison: `def` endpoints, one ORM insert, one Celery message."""

from os import environ
from uuid import UUID, uuid4

from celery import Celery
from fastapi import FastAPI
from pydantic import BaseModel, Field
from sqlalchemy.orm import Mapped, Session, declarative_base, mapped_column

from gateway.db import make_engine  # the gateway's settings of the database

engine = make_engine(environ["GATEWAY_DATABASE_URL"])
celery = Celery(broker=environ["GATEWAY_REDIS_URL"], task_ignore_result=True, task_send_sent_event=False)
app = FastAPI()


class Row(declarative_base()):  # type: ignore[misc]  # made when it runs
    __tablename__ = "rows"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    bucket: Mapped[str]
    object: Mapped[str]


Row.metadata.create_all(engine)


class Body(BaseModel, from_attributes=True):
    id: UUID = Field(default_factory=uuid4)
    bucket: str
    object: str


@app.post("/s3_data", status_code=201)
def start(body: Body) -> Body:
    with Session(engine) as session, session.begin():
        session.add(Row(**body.model_dump()))
    celery.send_task("run", args=[str(body.id)], queue="plain")
    return body


@app.get("/s3_data/{row_id}")
def show(row_id: UUID) -> Body:
    with Session(engine) as session:
        return Body.model_validate(session.get_one(Row, row_id))
