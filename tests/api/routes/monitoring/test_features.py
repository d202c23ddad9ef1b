"""The heatmap and the chatbot, as a Recon without a provider and without a language model answers."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from tests.api.asking import ask
from tests.api.cluster_answers import following

from ozone_recon.api.application import create_app
from ozone_recon.api.context import Context
from ozone_recon.config import Config

HEATMAP = {"ozone.recon.heatmap.enable": "true", "ozone.recon.heatmap.provider": "org.example.Provider"}
HEALTH = {"message": "HeatMapProviderImpl class not loaded or initialized.", "status": 200}
CHATBOT = {"ozone.recon.chatbot.enabled": "true"}
CHAT = "/api/v1/chatbot/chat"


@pytest.mark.parametrize("flags", [{}, HEATMAP])
def test_heatmap_health_is_javas(flags: dict[str, str]) -> None:
    assert ask(following(flags=flags), "/api/v1/heatmap/healthCheck").json() == HEALTH


@pytest.mark.parametrize("flags", [{}, {"ozone.recon.heatmap.enable": "true"}])
def test_a_disabled_heatmap_names_the_keys(flags: dict[str, str]) -> None:
    answer = ask(following(flags=flags), "/api/v1/heatmap/readaccess?startDate=7D")
    assert answer.status_code == 404
    assert "ozone.recon.heatmap.provider" in answer.json()["message"]


def test_an_enabled_heatmap_is_empty() -> None:
    answer = ask(following(flags=HEATMAP), "/api/v1/heatmap/readaccess?path=/vol1&entityType=key&startDate=24H")
    assert (answer.status_code, answer.json()) == (200, {"label": None, "path": None, "size": 0})


@pytest.mark.parametrize(("method", "path"), [("GET", "health"), ("GET", "models"), ("POST", "chat")])
def test_the_chatbot_is_disabled_by_default(method: str, path: str) -> None:
    options = {"json": {"query": "Which containers are missing?"}} if method == "POST" else {}
    answer = ask(following(), f"/api/v1/chatbot/{path}", method, **options)
    assert answer.status_code == 404
    assert "ozone.recon.chatbot.enabled" in answer.json()["message"]


def test_an_enabled_chatbot_has_no_language_model() -> None:
    app = following(flags=CHATBOT)
    assert ask(app, "/api/v1/chatbot/health").json() == {"llmClientAvailable": False, "enabled": True}
    assert ask(app, "/api/v1/chatbot/models").json() == {"models": []}
    assert ask(app, CHAT, "POST", json={"query": "Why?", "model": "m", "history": []}).status_code == 500


@pytest.mark.parametrize("body", [{}, {"query": None}, {"query": ""}, {"query": " \n"}, {"query": 1}, []])
def test_a_question_is_text(body: object) -> None:
    assert ask(following(flags=CHATBOT), CHAT, "POST", json=body).status_code == 400


@pytest.mark.parametrize("accepted", [True, False])
def test_a_rebuild_is_accepted_or_refused(accepted: bool) -> None:
    asked: list[str] = []

    def rebuild() -> bool:
        asked.append("rebuild")
        return accepted

    context = Context(Config.load(), lambda: (), lambda: True, rebuild_om=rebuild)
    app: FastAPI = create_app(context)
    assert ask(app, "/api/v1/triggerdbsync/om/reinit").status_code == 405
    assert asked == []
    answer = ask(app, "/api/v1/triggerdbsync/om/reinit", "POST")
    assert (answer.status_code, answer.json()["status"]) == ((202, "ACCEPTED") if accepted else (409, "RETRY"))
    assert asked == ["rebuild"]
