"""Switching recording off and on: blocks, decorators, generators, coroutines, threads."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest

import autograd as ag


def test_blocks_nest_and_restore() -> None:
    with ag.no_grad():
        with ag.enable_grad():
            assert ag.is_grad_enabled()
            with ag.set_grad_enabled(False):
                assert not ag.is_grad_enabled()
            assert ag.is_grad_enabled()
        assert not ag.is_grad_enabled()
    assert ag.is_grad_enabled()


def test_an_exception_restores() -> None:
    with pytest.raises(KeyError), ag.no_grad():
        raise KeyError
    assert ag.is_grad_enabled()


def test_one_switch_may_be_used_again_and_inside_itself() -> None:
    switch = ag.no_grad()
    with switch, switch:
        assert not ag.is_grad_enabled()
    with switch:
        assert not ag.is_grad_enabled()
    assert ag.is_grad_enabled()


def test_set_grad_enabled_acts_at_once() -> None:
    ag.set_grad_enabled(False)
    assert not ag.is_grad_enabled()
    ag.set_grad_enabled(True)
    assert ag.is_grad_enabled()


@pytest.mark.parametrize("switch", [ag.no_grad, lambda: ag.set_grad_enabled(False)], ids=["no_grad", "set"])
def test_decorated_functions_recurse(switch: type[ag.no_grad]) -> None:
    @switch()
    def depth(n: int) -> int:
        """How deep."""
        assert not ag.is_grad_enabled()
        return 0 if n == 0 else 1 + depth(n - 1)

    assert ag.is_grad_enabled()
    assert depth(3) == 3
    assert depth.__doc__ == "How deep."
    assert ag.is_grad_enabled()


@pytest.mark.parametrize("switch", [ag.no_grad, ag.enable_grad])
def test_decorates_without_parentheses_too(switch: type[ag.no_grad]) -> None:
    @switch
    def enabled(x: int, y: int = 0) -> tuple[bool, int]:
        """Whether, and the sum."""
        return ag.is_grad_enabled(), x + y

    with ag.set_grad_enabled(switch is ag.no_grad):
        assert enabled(1, y=2) == (switch is ag.enable_grad, 3)
    assert enabled.__doc__ == "Whether, and the sum."


@pytest.mark.parametrize("switch", [ag.no_grad, ag.no_grad()])
def test_decorates_nothing_but_functions(switch: object) -> None:
    with pytest.raises(TypeError, match="no_grad: decorates functions, got True"):
        switch(True)  # type: ignore[operator]


def test_a_decorated_generator_switches_while_it_runs_and_only_then() -> None:
    events = []

    @ag.no_grad()
    def counting() -> Iterator[bool]:
        try:
            sent = yield ag.is_grad_enabled()
            events.append(sent)
            yield ag.is_grad_enabled()
        except KeyError:
            events.append(("thrown", ag.is_grad_enabled()))
            yield ag.is_grad_enabled()
        finally:
            events.append(("closed", ag.is_grad_enabled()))

    generator = counting()
    assert next(generator) is False
    assert ag.is_grad_enabled()
    assert generator.send("hello") is False
    assert generator.throw(KeyError) is False
    generator.close()
    assert events == ["hello", ("thrown", False), ("closed", False)]
    assert ag.is_grad_enabled()


def test_a_decorated_generator_returns_its_value() -> None:
    @ag.no_grad()
    def inner() -> Iterator[int]:
        yield 1
        return 2

    def outer() -> Iterator[int]:
        yield (yield from inner())

    assert list(outer()) == [1, 2]


def test_coroutines_do_not_switch_each_other() -> None:
    @ag.no_grad()
    async def off() -> bool:
        await asyncio.sleep(0.001)
        return ag.is_grad_enabled()

    async def on() -> bool:
        await asyncio.sleep(0.0005)
        return ag.is_grad_enabled()

    async def both() -> list[bool]:
        return await asyncio.gather(off(), on(), off(), on())

    assert asyncio.run(both()) == [False, True, False, True]


def test_threads_have_a_flag_each_and_start_recording() -> None:
    seen, switch = [], ag.no_grad()

    def work() -> None:
        seen.append(ag.is_grad_enabled())
        for _ in range(20):
            with switch:
                time.sleep(0.0001)
                seen.append(not ag.is_grad_enabled())

    threads = [threading.Thread(target=work) for _ in range(4)]
    with ag.no_grad():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert seen == [True] * 84


def test_set_grad_enabled_nested_in_itself() -> None:
    switch = ag.set_grad_enabled(False)
    with switch:
        with switch:
            assert not ag.is_grad_enabled()
        assert not ag.is_grad_enabled()
    assert ag.is_grad_enabled()
