"""What an exporter wrote as a Python literal, and what would only look like one."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.formats.literal import MAX_NAMES, literal

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.integers() | st.text(), inner),
    max_leaves=10,
)


@given(VALUES)
def test_every_repr_comes_back(value):
    assert literal(repr(value)) == value


def test_many_labels():
    names = {number: f"label number {number}" for number in range(8000)}
    assert literal(str(names), MAX_NAMES) == names
    assert literal(str(names)) is None


@pytest.mark.parametrize(
    "text",
    [
        'f"{1}"',
        "[F'{1}']",
        "[0, rf'{1}']",
        "'''a'b''' f'{1}'",
        "[1, # '\n f'{1}' # '\n]",
        "'a''b'",
        '""f"{1}"',
    ],
)
def test_what_may_hide_an_f_string_never_meets_the_parser(monkeypatch, text):
    """It takes quadratic time for one: half a minute for what fits into the metadata of a model."""
    monkeypatch.setattr(ast, "literal_eval", lambda _: pytest.fail("parsed"))
    assert literal(text) is None


@pytest.mark.parametrize("text", ["", "'open", '"\\', "__import__('os')", "[" * 3000, "a"])
def test_what_is_no_literal(text):
    assert literal(text) is None
