"""Free text through the running gateway, with the real models: names do not leave, and nothing does without models."""

from collections.abc import Iterator

import httpx
import pytest
from openai import InternalServerError, OpenAI, PermissionDeniedError
from tests.gateway.conftest import Bank
from tests.scripted_provider import MODEL, Upstream

from sakimori.gateway import Providers, Recogniser, RecogniserSettings, installed_models, running
from sakimori.gateway.dictionaries import load
from sakimori.records import DataClass

NAMED = "昨夜、田中角平から電話があり、青葉台の自宅へ書類を送った。"


@pytest.fixture(scope="module")
def recogniser() -> Iterator[Recogniser]:
    made = Recogniser(RecogniserSettings(models=installed_models()))
    yield made
    made.close()


@pytest.fixture
def free_text(bank: Bank, providers: Providers, recogniser: Recogniser) -> Iterator[OpenAI]:
    """A client whose key nobody vouched for, of a gateway with models."""
    bank.grant(data_classes=(DataClass.FREE_TEXT,))
    with (
        running(bank.database, bank.secrets, bank.ledger, providers, recogniser=recogniser) as url,
        OpenAI(base_url=url, api_key=bank.issue("gateway"), max_retries=0, timeout=60) as client,
    ):
        yield client


def test_names_do_not_leave_and_come_back(free_text: OpenAI, upstream: Upstream) -> None:
    answer = free_text.responses.create(model=MODEL, input=NAMED, max_output_tokens=100)
    [left] = [str(request["input"]) for request in upstream.bodies]
    assert "田中" not in left
    assert "青葉台" not in left
    assert answer.output_text == NAMED


def test_typed_fields_are_not_read_as_running_text(bank: Bank, base_url: str, upstream: Upstream) -> None:
    bank.grant()
    with OpenAI(base_url=base_url, api_key=bank.key, max_retries=0, timeout=30) as client:
        client.responses.create(model=MODEL, input="she lives in harburg", max_output_tokens=100)
    assert upstream.bodies[0]["input"] == "she lives in harburg"


def test_without_models_free_text_is_refused(bank: Bank, base_url: str, upstream: Upstream) -> None:
    bank.grant(data_classes=(DataClass.FREE_TEXT,))
    with (
        OpenAI(base_url=base_url, api_key=bank.issue("gateway"), max_retries=0, timeout=30) as client,
        pytest.raises(PermissionDeniedError, match="--names-workers"),
    ):
        client.responses.create(model=MODEL, input=NAMED, max_output_tokens=100)
    assert not upstream.bodies


def test_more_free_texts_than_can_be_read_are_told_to_come_again(
    bank: Bank, providers: Providers, recogniser: Recogniser, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sakimori.gateway.calls.call._MOST_FREE_TEXTS", 0)
    bank.grant(data_classes=(DataClass.FREE_TEXT,))
    with (
        running(bank.database, bank.secrets, bank.ledger, providers, recogniser=recogniser) as url,
        OpenAI(base_url=url, api_key=bank.issue("gateway"), max_retries=0, timeout=60) as client,
        pytest.raises(InternalServerError) as refused,
    ):
        client.responses.create(model=MODEL, input=NAMED, max_output_tokens=100)
    assert refused.value.code == "gateway_busy"
    assert refused.value.response.headers["retry-after"] == "10"
    assert not upstream.bodies


def test_models_that_do_not_answer_let_nothing_out(bank: Bank, providers: Providers, upstream: Upstream) -> None:
    bank.grant(data_classes=(DataClass.FREE_TEXT,))
    hurried = Recogniser(RecogniserSettings(models=installed_models(), timeout=0.0001))
    with (
        running(bank.database, bank.secrets, bank.ledger, providers, recogniser=hurried) as url,
        OpenAI(base_url=url, api_key=bank.issue("gateway"), max_retries=0, timeout=60) as client,
        pytest.raises(InternalServerError, match="no answer within"),
    ):
        client.responses.create(model=MODEL, input=NAMED, max_output_tokens=100)
    hurried.close()
    assert not upstream.bodies
    assert [entry.detail["code"] for entry in bank.entries() if entry.action == "gateway.refused"] == [
        "boundary_failed"
    ]


def test_a_gateway_is_ready_once_its_models_are_loaded(
    bank: Bank, providers: Providers, recogniser: Recogniser
) -> None:
    recogniser.find("local", NAMED)  # this one has its models
    fresh = Recogniser(RecogniserSettings(models=installed_models()))
    try:
        for asked, status in ((fresh, 503), (recogniser, 200)):
            with running(bank.database, bank.secrets, bank.ledger, providers, recogniser=asked) as url:
                answer = httpx.get(url.removesuffix("/v1") + "/readyz", timeout=30)
                assert answer.status_code == status
    finally:
        fresh.close()


def test_a_list_that_is_loaded_counts_within_the_second(bank: Bank, client: OpenAI, upstream: Upstream) -> None:
    bank.grant()
    with bank.database.transaction(bank.tenant) as transaction:
        load(transaction, bank.secrets, "projects", "project", ["Tsubame"], now=1)
    client.responses.create(model=MODEL, input="the tsubame plan", max_output_tokens=100)
    assert "tsubame" not in str(upstream.bodies[0]["input"]).lower()
