"""Which rows and columns of a table of scores pass the threshold, against the plain definition."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.heads import fit
from tests.support.examples import examples

SIZES = st.tuples(st.integers(1, 9), st.integers(0, 40))  # classes, cells: also where no eighth is whole


def scores(seed, classes, cells, dtype, few):
    """Zeros, ones, in few or many places numbers between them, and NaN where there is such a thing."""
    rng = np.random.default_rng(seed)
    table = rng.integers(0, 100, (cells, classes)).astype(dtype)
    table[rng.random(table.shape) < (0.95 if few else 0.3)] = 0
    if dtype == np.float32 and seed % 2:
        table[rng.random(table.shape) < 0.2] = np.nan
    return table


@given(st.integers(0, 2**32), SIZES, st.sampled_from([np.float32, np.int8]), st.booleans())
@settings(max_examples=examples(80), deadline=None)
def test_rows(seed, sizes, dtype, few):
    table = scores(seed, *sizes, dtype, few)
    assert fit.rows_above(table, 50).tolist() == [i for i, row in enumerate(table) if (row >= 50).any()]


@given(st.integers(0, 2**32), SIZES, st.sampled_from([np.float32, np.int8]), st.booleans())
@settings(max_examples=examples(80), deadline=None)
def test_columns(seed, sizes, dtype, few):
    table = scores(seed, *sizes, dtype, few)
    expected = [
        (i, max(range(len(row)), key=lambda k: row[k] if row[k] >= 50 else -1), row[row >= 50].max())
        for i, row in enumerate(table)
        if (row >= 50).any()
    ]
    picked, class_id, confidence = fit.columns_above(np.ascontiguousarray(table.T), 50)
    assert list(zip(picked.tolist(), class_id.tolist(), confidence.tolist(), strict=True)) == expected
    assert class_id.dtype == np.int32
    assert confidence.dtype == dtype
