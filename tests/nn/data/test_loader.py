"""Data sets, splitting, collating, and loading in order, shuffled and ahead of time."""

from __future__ import annotations

import threading
import time
import traceback
from collections import namedtuple
from typing import Any

import numpy as np
import pytest
from against_torch import torch

import autograd
import nn
from autograd import tensor
from autograd.random import default_generator
from autograd.tensor import Tensor
from nn.data import (
    ConcatDataset,
    DataLoader,
    Dataset,
    Subset,
    TensorDataset,
    default_collate,
    random_split,
    transforms,
)
from nn.data.randomness import current_generator

Point = namedtuple("Point", ["x", "y"])


class Slow(Dataset):
    """Sample i is i; the earlier, the slower to load. Records which were loaded; fails at one."""

    def __init__(self, count: int, fails: int = -1) -> None:
        self.count, self.fails = count, fails
        self.loaded: list[int] = []

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, i: int) -> int:
        if i == self.fails:
            raise KeyError(f"sample {i} is damaged")
        time.sleep(0.002 * (self.count - i) / self.count)
        self.loaded.append(i)
        return i


def values(loader: DataLoader) -> list[list[int]]:
    return [batch.tolist() for batch in loader]


def threads() -> int:
    return sum(t.name.startswith("DataLoader") for t in threading.enumerate())


@pytest.fixture(params=[0, 1, 3], ids="workers{}".format)
def workers(request: pytest.FixtureRequest) -> Any:
    yield request.param
    assert threads() == 0


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11])
@pytest.mark.parametrize("drop_last", [False, True])
def test_batches_in_order(count: int, drop_last: bool, workers: int) -> None:
    loader = DataLoader(Slow(count), 5, drop_last=drop_last, num_workers=workers)
    expected = [list(range(count))[i : i + 5] for i in range(0, count, 5)]
    if drop_last:
        expected = [batch for batch in expected if len(batch) == 5]
    assert values(loader) == expected
    assert values(loader) == expected
    assert len(loader) == len(expected)


def test_shuffling_is_seeded(workers: int) -> None:
    def passes(generator: Any) -> list[list[list[int]]]:
        loader = DataLoader(range(20), 6, shuffle=True, generator=generator, num_workers=workers)
        return [values(loader), values(loader)]

    first = passes(7)
    assert first == passes(7) == passes(np.random.default_rng(7))
    assert first != passes(8)
    assert first[0] != first[1]
    assert sorted(i for batch in first[0] for i in batch) == list(range(20))
    autograd.random.manual_seed(3)
    default = passes(None)
    assert default != passes(None)
    autograd.random.manual_seed(3)
    assert default == passes(None)


def test_sampler(workers: int) -> None:
    loader = DataLoader(Slow(9), 2, sampler=[4, 4, 1], num_workers=workers)
    assert values(loader) == [[4, 4], [1]]
    assert len(loader) == 2
    assert values(DataLoader(Slow(9), 2, sampler=(i for i in (2, 3)), num_workers=workers)) == [[2, 3]]


def test_batch_sampler(workers: int) -> None:
    loader = DataLoader(Slow(9), batch_sampler=[[4, 1], np.array([8]), (0, 0, 2)], num_workers=workers)
    assert values(loader) == values(loader) == [[4, 1], [8], [0, 0, 2]]
    assert len(loader) == 3
    assert values(DataLoader(Slow(9), batch_sampler=([i] for i in (2, 3)), num_workers=workers)) == [[2], [3]]
    with pytest.raises(TypeError, match="DataLoader: a batch_sampler gives lists of indices, got 4"):
        values(DataLoader(Slow(9), batch_sampler=[4, 1], num_workers=workers))


def test_a_batch_sampler_gives_the_batches_that_torchs_does() -> None:
    batches = [[3, 1], [0], [2, 2]]
    theirs = torch.utils.data.DataLoader(torch.arange(4), batch_sampler=batches)
    ours = DataLoader(np.arange(4), batch_sampler=batches)
    assert values(ours) == [batch.tolist() for batch in theirs]
    for options in ({"batch_size": 2}, {"shuffle": True}, {"sampler": [0]}, {"drop_last": True}):
        for library, data in ((torch.utils.data, torch.arange(4)), (nn.data, np.arange(4))):
            with pytest.raises(ValueError, match="batch_sampler"):
                library.DataLoader(data, batch_sampler=batches, **options)


def test_an_exception_arrives_where_its_batch_is_due(workers: int) -> None:
    batches = iter(DataLoader(Slow(12, fails=7), 3, num_workers=workers))
    assert [next(batches).tolist() for _ in range(2)] == [[0, 1, 2], [3, 4, 5]]
    with pytest.raises(KeyError, match="sample 7 is damaged") as caught:
        next(batches)
    assert "__getitem__" in [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert list(batches) == []
    assert threads() == 0


def test_threads_end_when_the_iteration_is_abandoned() -> None:
    data = Slow(1000)
    for batch in DataLoader(data, 2, num_workers=2, prefetch_factor=3):
        assert batch.tolist() == [0, 1]
        break
    assert threads() == 0
    assert len(data.loaded) <= 2 * (1 + 2 * 3)


def test_batches_are_loaded_ahead_but_not_too_far() -> None:
    data = Slow(100)
    batches = iter(DataLoader(data, 1, num_workers=1, prefetch_factor=4))
    next(batches)
    deadline = time.monotonic() + 5
    while len(data.loaded) < 4 and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(0.02)
    assert data.loaded == [0, 1, 2, 3]
    next(batches)
    next(batches)
    time.sleep(0.05)
    assert data.loaded == list(range(6))
    del batches
    assert threads() == 0


def test_two_passes_at_once(workers: int) -> None:
    loader = DataLoader(Slow(6), 2, num_workers=workers)
    assert [(a.tolist(), b.tolist()) for a, b in zip(loader, loader, strict=True)] == [
        ([i, i + 1], [i, i + 1]) for i in (0, 2, 4)
    ]


def test_random_transforms_do_not_depend_on_the_workers() -> None:
    class Noisy(Dataset):
        crop = transforms.Compose([transforms.RandomCrop(3, padding=1), transforms.RandomHorizontalFlip()])

        def __len__(self) -> int:
            return 40

        def __getitem__(self, i: int) -> Any:
            return self.crop(np.arange(27.0).reshape(3, 3, 3) + 100 * i)

    passes = []
    for count in (0, 1, 4):
        loader = DataLoader(Noisy(), 3, shuffle=True, generator=5, num_workers=count)
        passes.append([np.concatenate([b.data for b in loader]) for _ in range(2)])
    for other in passes[1:]:
        np.testing.assert_array_equal(other[0], passes[0][0])
        np.testing.assert_array_equal(other[1], passes[0][1])
    assert not np.array_equal(*passes[0])


def test_passes_in_order_draw_anew_and_what_is_outside_draws_as_before() -> None:
    class Drawn(Dataset):
        def __len__(self) -> int:
            return 8

        def __getitem__(self, i: int) -> float:
            return float(current_generator().random())

    loader = DataLoader(Drawn(), 4)
    assert values(loader) != values(loader)
    assert current_generator() is default_generator()


class Shifted(TensorDataset):
    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        (x,) = super().__getitem__(index)
        return (x + 100,)


class Doubled(Shifted):
    def get_batch(self, indices: Any) -> tuple[Tensor, ...]:
        (x,) = super().get_batch(indices)
        return (x * 2,)


def test_a_subclass_with_samples_of_its_own_is_asked_for_them() -> None:
    ((batch,),) = DataLoader(Shifted(tensor([1.0, 2.0])), 2)
    assert batch.tolist() == [101.0, 102.0]
    ((batch,),) = DataLoader(Subset(Shifted(tensor([1.0, 2.0])), [1]), 2)
    assert batch.tolist() == [102.0]
    ((batch,),) = DataLoader(Doubled(tensor([1.0, 2.0])), 2)
    assert batch.tolist() == [2.0, 4.0]


@pytest.mark.parametrize("workers", [0, 1])
def test_no_grad_holds_in_the_workers(workers: int) -> None:
    class Modes(Dataset):
        def __len__(self) -> int:
            return 3

        def __getitem__(self, index: int) -> bool:
            return autograd.is_grad_enabled()

    with autograd.no_grad():
        assert [bool(x) for x in DataLoader(Modes(), num_workers=workers)] == [False] * 3
    assert [bool(x) for x in DataLoader(Modes(), num_workers=workers)] == [True] * 3


def test_collate_fn_replaces_the_fast_path() -> None:
    data = TensorDataset(tensor([1.0, 2.0]))
    assert list(DataLoader(data, 2, collate_fn=len)) == [2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size is an int from 1, got 0"),
        ({"batch_size": 2.5}, "batch_size is an int from 1, got 2.5"),
        ({"num_workers": -1}, "num_workers is an int from 0, got -1"),
        ({"prefetch_factor": 0}, "prefetch_factor is an int from 1, got 0"),
        ({"shuffle": True, "sampler": [0]}, "a sampler gives the order itself"),
        (
            {"drop_last": True, "batch_sampler": [[0]]},
            "a batch_sampler gives the batches themselves",
        ),
    ],
)
def test_loader_errors(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"DataLoader: {message}"):
        DataLoader(range(3), **options)


def test_what_is_no_data_set_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="DataLoader: wants a data set with __len__, got list_iterator"):
        DataLoader(iter([1, 2]))
    with pytest.raises(TypeError, match="DataLoader: wants a data set with __getitem__, got set"):
        DataLoader({1, 2})


def test_a_sampler_needs_no_length_of_the_data_set() -> None:
    class Endless:
        def __getitem__(self, index: int) -> int:
            return index

    assert [batch.tolist() for batch in DataLoader(Endless(), sampler=[7, 9])] == [[7], [9]]
    assert [batch.tolist() for batch in DataLoader(Endless(), batch_sampler=[[7, 9]])] == [[7, 9]]


def test_generator_of_a_wrong_type() -> None:
    with pytest.raises(TypeError, match=r"DataLoader: generator is a numpy.random.Generator or an int seed, got str"):
        DataLoader(range(3), generator="seed")  # type: ignore[arg-type]


def test_tensor_dataset() -> None:
    x, y = np.arange(12.0).reshape(4, 3), tensor([3, 2, 1, 0])
    data = TensorDataset(x, y)
    assert len(data) == 4
    assert [t.tolist() for t in data[-1]] == [[9.0, 10.0, 11.0], 0]
    assert len(list(data)) == 4
    with pytest.raises(IndexError):
        data[4]
    x[:] = -1
    assert data[0][0].tolist() == [0.0, 1.0, 2.0]
    assert np.shares_memory(data.tensors[1].data, y.data)
    for loaded in (
        DataLoader(data, 3),
        DataLoader(data, 3, collate_fn=default_collate),
        DataLoader(Subset(data, range(4)), 3),
    ):
        batches = list(loaded)
        assert [b[0].shape for b in batches] == [(3, 3), (1, 3)]
        assert batches[0][1].tolist() == [3, 2, 1]
        assert all(isinstance(t, Tensor) and not t.requires_grad for b in batches for t in b)


def test_subset_of_a_subset() -> None:
    data = TensorDataset(np.arange(10))
    inner = Subset(Subset(data, [9, 7, 5, 3]), [3, 0])
    assert [s[0].item() for s in inner] == [3, 9]
    assert [b[0].tolist() for b in DataLoader(inner, 2)] == [[3, 9]]


def test_concat_dataset() -> None:
    data = ConcatDataset([range(3), range(10, 10), range(20, 22)])
    assert list(data) == [0, 1, 2, 20, 21]
    assert [data[-1], data[-5]] == [21, 0]
    for index in (5, -6):
        with pytest.raises(IndexError, match=f"index {index} is out of range for 5 samples"):
            data[index]
    with pytest.raises(ValueError, match="wants at least one data set"):
        ConcatDataset([])


@pytest.mark.parametrize(
    ("lengths", "sizes"),
    [
        ([3, 7], [3, 7]),
        ([0.3, 0.7], [3, 7]),
        ([1 / 3] * 3, [4, 3, 3]),
        ([0.26, 0.26, 0.48], [3, 3, 4]),
        ([10], [10]),
        ([1.0], [10]),
        ([0, 10], [0, 10]),
    ],
)
def test_random_split(lengths: list[float], sizes: list[int]) -> None:
    parts = random_split(range(10), lengths, generator=1)
    assert [len(p) for p in parts] == sizes
    assert sorted(sample for part in parts for sample in part) == list(range(10))
    again = random_split(range(10), lengths, generator=np.random.default_rng(1))
    assert [list(p) for p in again] == [list(p) for p in parts]


@pytest.mark.parametrize("lengths", [[3, 8], [0.5, 0.6], [0.5], []])
def test_random_split_that_does_not_add_up(lengths: list[float]) -> None:
    with pytest.raises(ValueError, match="add up neither to 10 samples nor to 1"):
        random_split(range(10), lengths)


def test_random_split_negative() -> None:
    with pytest.raises(ValueError, match="lengths cannot be negative"):
        random_split(range(10), [-1, 11])


@pytest.mark.parametrize(
    ("samples", "expected", "dtype"),
    [
        ([1, 2], [1, 2], np.int64),
        ([1.5, 2.0], [1.5, 2.0], np.float32),
        ([np.float64(1.5), np.float64(2)], [1.5, 2.0], np.float64),
        ([True, False], [True, False], np.bool_),
        ([np.ones(2), np.zeros(2)], [[1, 1], [0, 0]], np.float64),
        ([tensor([1.0]), tensor([2.0])], [[1.0], [2.0]], np.float32),
        ([np.uint8(3)], [3], np.uint8),
    ],
)
def test_collate_leaves(samples: list[Any], expected: Any, dtype: type) -> None:
    batch = default_collate(samples)
    assert isinstance(batch, Tensor)
    assert batch.tolist() == expected
    assert batch.dtype == dtype


def test_collate_structures() -> None:
    batch = default_collate([{"a": (1, [np.zeros(2), "x"]), "b": Point(1.0, 2)} for _ in range(3)])
    assert batch["a"][0].tolist() == [1, 1, 1]
    assert batch["a"][1][0].shape == (3, 2)
    assert batch["a"][1][1] == ["x", "x", "x"]
    assert default_collate([np.str_("a"), np.str_("b")]) == ["a", "b"]
    assert isinstance(batch["b"], Point)
    assert batch["b"].y.tolist() == [2, 2, 2]


@pytest.mark.parametrize(
    ("samples", "error", "message"),
    [
        ([np.zeros(2), np.zeros(3)], ValueError, r"samples of one shape can be stacked, got \(2,\), \(3,\)"),
        ([(1, 2), (1,)], ValueError, r"samples differ in length: \[1, 2\]"),
        ([{"a": 1}, {"b": 1}], ValueError, r"samples have to have the same keys, the first has \['a'\]"),
        ([None, None], TypeError, "cannot make a batch of NoneType"),
        ([np.array(["a"])], TypeError, "wants arrays of numbers or truth values, got dtype <U1"),
    ],
)
def test_collate_errors(samples: list[Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"default_collate: {message}"):
        default_collate(samples)


def test_tensors_of_different_lengths() -> None:
    with pytest.raises(ValueError, match=r"equally long first axes, got shapes \[\(2,\), \(3,\)\]"):
        TensorDataset(np.zeros(2), np.zeros(3))
    with pytest.raises(ValueError, match=r"got shapes \[\]"):
        TensorDataset()
    with pytest.raises(ValueError, match=r"got shapes \[\(\)\]"):
        TensorDataset(np.zeros(()))
