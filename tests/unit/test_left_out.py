"""The rule of left-out fields: null, an empty text, the default, and what does not count."""

from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import Field, SecretStr

from gateway.errors import Invalid
from gateway.jobs.services import check_options
from gateway.left_out import OptionalField, RequestModel


class Inner(RequestModel):
    text: str = ""


class Request(RequestModel):
    needed: str
    count: int = 4
    flag: bool = False
    text: Annotated[str, Field(min_length=1)] | None = None
    secret: SecretStr | None = None
    key: UUID | None = None
    choice: Literal["a", "b"] = "a"
    inner: Inner = Field(default_factory=Inner)
    many: list[str] = Field(default=[])


@pytest.mark.parametrize("name", sorted(Request.model_fields.keys() - {"needed"}))
def test_null_counts_as_left_out(name: str) -> None:
    request = Request.model_validate({"needed": "x", name: None})
    assert request == Request(needed="x")
    assert request.model_fields_set == {"needed"}


@pytest.mark.parametrize("name", ["text", "secret", "key", "choice"])
def test_an_empty_text_counts_as_left_out(name: str) -> None:
    assert Request.model_validate({"needed": "x", name: ""}).model_fields_set == {"needed"}


@pytest.mark.parametrize("name", ["count", "flag", "inner", "many"])
def test_an_empty_text_stands_for_no_number_or_object(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        Request.model_validate({"needed": "x", name: ""})


@pytest.mark.parametrize(("name", "value"), [("count", 4), ("count", 4.0), ("flag", False), ("choice", "a")])
def test_the_default_counts_as_left_out(name: str, value: object) -> None:
    assert Request.model_validate({"needed": "x", name: value}).model_fields_set == {"needed"}


@pytest.mark.parametrize(("value", "default"), [(True, 1), (1, True), (0, False), ("4", 4), (5, 4), ([], {})])
def test_json_tells_these_values_apart(value: object, default: object) -> None:
    assert not OptionalField(default, is_text=True).is_left_out(value)


@pytest.mark.parametrize("value", [None, ""])
def test_a_required_field_is_not_left_out(value: Any) -> None:
    if value is None:
        with pytest.raises(ValueError, match="needed"):
            Request.model_validate({"needed": value})
    else:
        assert Request.model_validate({"needed": value}).needed == ""


def test_the_rule_holds_for_the_options_of_kernels() -> None:
    assert check_options("knn", {"k_nearest_neighbor": 7, "cost": "", "band": None}) == check_options(
        "knn", {}
    )
    assert "k_nearest_neighbor" not in check_options(
        "knn", {"k_nearest_neighbor": 7.0}
    )  # the job may lower it
    given = {"years_until_expiry": 1.6, "expiry_date": "2030-01-01", "volatility": ""}
    assert check_options("black_scholes", given)["expiry_date"] == "2030-01-01"


@pytest.mark.parametrize("value", ["", {}, True])
def test_an_option_that_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(Invalid, match="k_nearest_neighbor"):
        check_options("knn", {"k_nearest_neighbor": value})
