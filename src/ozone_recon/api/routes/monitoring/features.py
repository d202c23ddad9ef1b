"""Serves /heatmap and /chatbot as a Recon without a heatmap provider and without a language model does."""

from __future__ import annotations

from typing import Annotated

from fastapi import Body, Query, Response
from pydantic import BaseModel, Field

from ozone_recon.api.context import CurrentView, View
from ozone_recon.api.responses import HttpRefusal, json_response
from ozone_recon.api.route import Route
from ozone_recon.errors import BadRequest


class HeatmapJson(BaseModel):
    """The root of the heatmap; without data, it has neither a name nor children."""

    label: str | None = Field(description="Always null: there is no data.")
    path: str | None = Field(description="Always null: there is no data.")
    size: int = Field(description="Always 0: there is no data.")


class HeatmapHealth(BaseModel):
    """State of the heatmap's provider."""

    message: str = Field(description="The state in words.")
    status: int = Field(description="The state as an HTTP status; 200 also if no provider is loaded, as in Recon.")


class ChatbotHealth(BaseModel):
    """State of the chatbot."""

    llmClientAvailable: bool = Field(description="Whether a language model can be asked: always false.")
    enabled: bool = Field(description="Whether the chatbot is enabled: true, as its routes do not exist otherwise.")


class ChatbotModels(BaseModel):
    """The language models that can be asked."""

    models: list[str] = Field(description="Their names: always empty.")


class ChatbotAnswer(BaseModel):
    """An answer of the chatbot; never given, because there is no language model."""

    response: str = Field(description="The answer.")
    success: bool = Field(description="True.")


class ChatbotQuestion(BaseModel):
    """A question to the chatbot; other members are ignored."""

    query: str | None = Field(None, description="The question.")


EntityType = Annotated[str, Query(description="What is counted: `key`.")]
StartDate = Annotated[str, Query(description="Start of the period: `24H`, `7D`, `90D`, or milliseconds since 1970.")]
Question = Annotated[ChatbotQuestion, Body(description="The question.")]
HeatmapPath = Annotated[str, Query(description="A volume, bucket or directory.")]


async def read_access(
    view: CurrentView, path: HeatmapPath = "", entityType: EntityType = "key", startDate: StartDate = "24H"
) -> Response:
    """Providers are Java classes, so none is ever loaded: an enabled heatmap is empty, as with a missing provider."""
    del path, entityType, startDate
    if not view.context.config.heatmap:
        raise HttpRefusal(
            404, "The heatmap is disabled: set ozone.recon.heatmap.enable and ozone.recon.heatmap.provider."
        )
    return json_response({"label": None, "path": None, "size": 0})


async def heatmap_health() -> Response:
    """The answer does not depend on whether the heatmap is enabled."""
    return json_response({"message": "HeatMapProviderImpl class not loaded or initialized.", "status": 200})


async def chatbot_health(view: CurrentView) -> Response:
    """The route exists only if ozone.recon.chatbot.enabled is true."""
    _require_chatbot(view)
    return json_response({"llmClientAvailable": False, "enabled": True})


async def chatbot_models(view: CurrentView) -> Response:
    """The route exists only if ozone.recon.chatbot.enabled is true."""
    _require_chatbot(view)
    return json_response({"models": []})


async def chat(view: CurrentView, question: Question) -> Response:
    """No language model is ever asked, so every question is refused; nothing leaves this server."""
    _require_chatbot(view)
    if not (question.query or "").strip():
        raise BadRequest("Query cannot be empty: ask a question in `query`.")
    raise HttpRefusal(500, "The question cannot be answered: ozone-recon asks no language model.")


def _require_chatbot(view: View) -> None:
    if not view.context.config.chatbot:
        raise HttpRefusal(404, "The chatbot is disabled: ozone.recon.chatbot.enabled is false.")


_NO_CHATBOT = {404: "The chatbot is disabled."}

ROUTES = (
    Route(
        "/heatmap/readaccess",
        read_access,
        "Returns how often keys were read; empty without a provider.",
        HeatmapJson,
        immutable=False,
        others={404: "The heatmap is disabled."},
    ),
    Route(
        "/heatmap/healthCheck",
        heatmap_health,
        "Returns the state of the heatmap's provider.",
        HeatmapHealth,
        immutable=False,
    ),
    Route(
        "/chatbot/health",
        chatbot_health,
        "Returns the state of the chatbot.",
        ChatbotHealth,
        immutable=False,
        others=_NO_CHATBOT,
    ),
    Route(
        "/chatbot/models",
        chatbot_models,
        "Lists the language models of the chatbot.",
        ChatbotModels,
        immutable=False,
        others=_NO_CHATBOT,
    ),
    Route(
        "/chatbot/chat",
        chat,
        "Asks the chatbot; always refused, because there is no language model.",
        ChatbotAnswer,
        immutable=False,
        method="POST",
        others=_NO_CHATBOT | {400: "The question is empty.", 500: "There is no language model."},
    ),
)
