"""Work shared over threads: all of it is done, once; errors arrive; BLAS is given back; forks start afresh."""

import functools
import gc
import os
import signal
import sys
import threading
import time
import weakref

import numpy as np
import pytest

import autograd as ag
from autograd import memory, watching
from autograd.kernels import threads
from autograd.kernels.threads import WAITING, framed, postpone, scratch, share


@pytest.fixture(autouse=True, params=[1, 2, 4])
def number(request):
    before = ag.get_num_threads()
    ag.set_num_threads(request.param)
    yield request.param
    ag.set_num_threads(before)


def blas_threads():
    return [library.num_threads for library in threads._blas.libraries or ()]


@pytest.mark.parametrize("count", [0, 1, 2, 100])
def test_each_item_is_done_once(count):
    done = []
    share(done.append, range(count))
    assert sorted(done) == list(range(count))


def test_blas_has_one_thread_inside_and_its_own_number_after():
    share(id, range(4))
    before, inside = blas_threads(), []
    share(lambda _: inside.append(blas_threads()), range(8))
    assert inside == [[1] * len(before)] * 8
    assert blas_threads() == before


def test_blas_is_given_back_what_it_was_set_to():
    share(id, range(4))
    blas, inside = threads._blas, []
    before = [get() for get in blas.getters]
    for choose in blas.setters:
        choose(2)
    try:
        share(lambda _: inside.append([get() for get in blas.getters]), range(8))
        assert inside == [[1] * len(before)] * 8
        assert [get() for get in blas.getters] == [2] * len(before)
    finally:
        for choose, number in zip(blas.setters, before, strict=True):
            choose(number)


def test_an_error_arrives_and_the_pool_goes_on():
    def work(item):
        if item == 5:
            raise KeyError(item)

    before = blas_threads()
    with pytest.raises(KeyError, match="5"):
        share(work, range(50))
    assert not before or blas_threads() == before
    test_each_item_is_done_once(20)


def test_shared_work_inside_shared_work_and_from_many_threads():
    totals = np.zeros((6, 4))

    def outer(row):
        share(lambda column: totals[row].__setitem__(column, row + column), range(4))

    callers = [threading.Thread(target=share, args=(outer, range(6))) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    np.testing.assert_array_equal(totals, np.add.outer(range(6), range(4)))


@pytest.fixture(params=["told", "untold"])
def tell(request):
    """Has helpers hear of what is postponed, or not."""
    return (lambda: share(id, range(8))) if request.param == "told" else lambda: None


def test_a_postponed_call_is_made_once_whoever_asks_for_it(tell):
    made, answers = [], []
    calls = [postpone(lambda k=k: made.append(k) or k * k) for k in range(30)]
    tell()
    askers = [threading.Thread(target=lambda: answers.append([call.result() for call in calls])) for _ in range(3)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert answers == [[k * k for k in range(30)]] * 3
    assert sorted(made) == list(range(30))


def test_helpers_make_a_postponed_call_after_the_next_shared_work(number):
    made = []
    call = postpone(lambda: made.append(threading.current_thread()))
    assert made == ([threading.current_thread()] if number == 1 else [])
    share(id, range(8))
    limit = time.monotonic() + 20
    while not made and time.monotonic() < limit:
        time.sleep(0.001)
    assert len(made) == 1
    assert (made[0] is threading.current_thread()) == (number == 1)
    assert call.result() is None


def test_what_nobody_holds_any_more_is_not_made(number):
    made = []
    call = postpone(lambda: made.append(1))
    del call
    share(id, range(8))
    assert postpone(lambda: 7).result() == 7
    assert made == ([1] if number == 1 else [])


def test_only_a_few_calls_wait(number):
    made = []
    calls = [postpone(lambda k=k: made.append(k)) for k in range(40)]
    assert len(made) >= len(calls) - number * WAITING
    assert all(call.result() is None for call in calls)


def test_a_postponed_error_arrives_where_the_result_is_wanted(tell):
    def fail():
        raise KeyError("lost")

    call = postpone(fail)
    tell()
    for _ in range(2):
        with pytest.raises(KeyError, match="lost"):
            call.result()
    assert postpone(lambda: 7).result() == 7


def test_a_postponed_call_runs_under_the_callers_errstate(tell):
    with np.errstate(divide="raise"):
        calls = [postpone(lambda: np.float64(1) / np.zeros(3)) for _ in range(3)]
    tell()
    with np.errstate(divide="raise"):
        for call in calls:
            with pytest.raises(FloatingPointError, match="divide by zero"):
                call.result()


def test_inside_shared_work_a_call_is_made_at_once():
    made = []
    share(lambda k: made.append(postpone(lambda: k).value), range(8))
    assert sorted(made) == list(range(8))


def test_what_a_postponed_call_held_is_let_go_of(tell):
    array = np.zeros(10)
    reference = weakref.ref(array)
    call = postpone(functools.partial(np.sum, array))
    tell()
    assert call.result() == 0
    del array
    assert reference() is None


@pytest.mark.parametrize("length", [1, 3, 1000, 1 << 16, 1 << 20])
def test_scratch_memory_begins_with_a_line_of_the_cache(length):
    assert scratch((length,), np.dtype(np.float32), f"line {length}").ctypes.data % 64 == 0


def test_scratch_memory_is_one_threads_own():
    here, there = scratch((3, 4), np.dtype(np.float32), "x"), []
    other = threading.Thread(target=lambda: there.append(scratch((3, 4), np.dtype(np.float32), "x")))
    other.start()
    other.join()
    assert np.shares_memory(here, scratch((2, 2), np.dtype(np.float64), "x"))
    assert not np.shares_memory(here, there[0])


def test_a_number_has_to_be_positive():
    with pytest.raises(ValueError, match="set_num_threads: wants a positive number, got 0"):
        ag.set_num_threads(0)


@pytest.mark.parametrize("threads", [2.5, True, "3", None])
def test_a_number_has_to_be_an_int(threads):
    with pytest.raises(TypeError, match="set_num_threads: wants an int, got"):
        ag.set_num_threads(threads)


def test_after_an_error_nothing_of_the_work_is_held():
    array = np.zeros(10)
    reference = weakref.ref(array)

    def fail(item, array=array):
        raise KeyError(item)

    gc.disable()
    try:
        with pytest.raises(KeyError):
            share(fail, range(8))
        del fail, array
        deadline = time.monotonic() + 10  # for helpers who come to a job that is over
        while reference() is not None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert reference() is None
    finally:
        gc.enable()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_has_threads_of_its_own():
    share(id, range(8))
    child = os.fork()
    if child == 0:
        done = []
        share(done.append, range(20))
        os._exit(0 if sorted(done) == list(range(20)) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_while_another_thread_writes():
    begun, ended = threading.Event(), threading.Event()

    def write():
        with memory.writing(ag.tensor([1.0]).array), sys.modules["autograd.tensor"]._accumulating, watching._counting:
            begun.set()
            ended.wait(60)

    thread = threading.Thread(target=write)
    thread.start()
    begun.wait()
    child = os.fork()
    if child == 0:
        signal.alarm(30)  # ends a child that waits for ever
        x = ag.tensor([1.0, 2.0], requires_grad=True)
        for _ in range(2):
            (x * x).sum().backward()
        with ag.no_grad(), ag.detect_anomaly():
            x += x.grad
        os._exit(0 if x.tolist() == [5, 10] else 1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    ended.set()
    thread.join()
    assert code == 0


def test_a_pool_that_is_replaced_finishes_its_work_and_its_threads_end():
    share(id, range(8))
    former = threads._pool
    ag.set_num_threads(former.threads + 1)
    share(id, range(8))
    for helper in threading.enumerate():
        if helper.name == "stepgrad" and helper is not threading.current_thread():
            helper.join(0.05)
    alive = sum(helper.name == "stepgrad" for helper in threading.enumerate())
    assert alive <= former.threads


def convolved_with_gradient():
    rng = np.random.default_rng(0)
    x = ag.tensor(rng.normal(size=(16, 8, 14, 14)).astype(np.float32))
    weight = ag.tensor(rng.normal(size=(8, 8, 3, 3)).astype(np.float32), requires_grad=True)
    y = ag.einsum("nchwxy,fcxy->nfhw", ag.sliding_windows(x, (3, 3)), weight)
    (y * y).sum().backward()
    return y.numpy(), weight.grad.numpy()


def products():
    rng = np.random.default_rng(0)
    a, b = (ag.tensor(rng.normal(size=(300, 300)).astype(np.float32)) for _ in range(2))
    v = ag.tensor(rng.normal(size=40_000).astype(np.float32))
    return [y.numpy() for y in (a @ b, a @ a.T, a @ v[:300], v @ v, ag.einsum("ij,kj->ik", a, b))]


@pytest.mark.parametrize(("compute", "numbers"), [(convolved_with_gradient, (1, 3, 2, 4, 1, 2)), (products, ())])
def test_the_same_bits_while_other_threads_share_work(compute, numbers):
    expected, made = compute(), []
    callers = [threading.Thread(target=lambda: made.extend(compute() for _ in range(10))) for _ in range(3)]
    for caller in callers:
        caller.start()
    for number_now in numbers:
        ag.set_num_threads(number_now)
        share(id, range(8))
    for caller in callers:
        caller.join()
    assert len(made) == 30
    for found in made:
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)


def test_framed_memory_is_zero_around_its_inside():
    single = np.dtype(np.float32)
    for length, inside in ((4, slice(1, 3)), (4, slice(1, 3)), (9, slice(0, 9)), (4, slice(0, 4)), (4, slice(2, 2))):
        memory = framed((2, length, 3), single, "a frame", inside)
        assert not memory[:, : inside.start].any()
        assert not memory[:, inside.stop :].any()
        memory[:, inside] = np.nan
