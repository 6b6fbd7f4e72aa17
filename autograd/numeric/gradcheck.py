"""The gradients that backprop gives, beside finite differences."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from autograd.dtypes import Array
from autograd.numeric.comparisons import Compared, Comparisons, scales_of
from autograd.numeric.hints import hint
from autograd.numeric.progress import progress_bar
from autograd.numeric.report import SEVERITY, Entry, GradcheckReport, InputCheck, Mode, Verdict
from autograd.numeric.subject import Level, Subject
from autograd.random import get_rng_state, set_rng_state

# Elements are moved together whose effects on the output differ by less than this factor; there are so many such bands,
# the last for all smaller effects.
BAND, BANDS = 1e-2, 8
IDENTITY = 1e-10
# When halving finds which elements disagree: elements to find, directions to try, and how often to look again without
# those that were found.
CULPRITS, SEARCHES, ROUNDS = 8, 200, 5
UNDISTURBING = ("PASS", "INCONCLUSIVE")


def gradcheck(
    f: Callable[..., Any],
    inputs: Any,
    wrt: Literal["parameters", "inputs", "both"] | None = None,
    sample: int = 10,
    rtol: float = 1e-6,
    seed: int = 0,
    *,
    order: Literal[1, 2, 3] = 1,
    modes: Sequence[Literal["reverse", "forward"]] = ("reverse",),
    projections: int = 3,
    progress: bool | None = None,
) -> GradcheckReport:
    """Compare the derivatives of `f(*inputs)` by backprop with finite differences, in float64, with error bars.

    `f` is a function of tensors that returns a tensor, or tuples, lists and dicts of them; or a module, which is copied
    to float64, mode and all, and left alone. `inputs` are its arguments, one or several in a list or tuple: a list of
    numbers is several, a vector an array or a tensor. Floating ones are varied (for a module `wrt` says whether its
    parameters, its inputs or, by default, both); others, complex ones among them, are passed on as they are. What is
    differentiated is a fixed random combination of all output elements. Every evaluation starts from the same random
    numbers (dropout masks) and the same buffers (running statistics).

    Of each input up to `sample` elements are compared one by one. Of one with more, all elements are also moved at
    once in `projections` random directions, those of like effect on the output together, so that small ones do not
    drown in large ones: two evaluations of `f` for each step length. Where a projection disagrees, halving finds
    elements that do. The verdict on an input is one of

    - PASS: backprop and differences agree to `rtol`;
    - FAIL: they do not, and the error bar does not explain it; a hint says what the numbers look like;
    - KINK: the one-sided slopes differ; both are told, and whether backprop's value lies between them;
    - JUMP: the function is not continuous at the point;
    - UNDEFINED: the value, the gradient or a slope is not finite;
    - INCONCLUSIVE: the error bar is wider than the tolerance;
    - NONDETERMINISTIC: two evaluations, or two backward passes, at the same point differ;
    - MUTATES_INPUT: `f` writes into this input.

    What is guaranteed: a tolerance is relative to what is compared (one element, or in a projection the root of the sum
    of squares of its terms), whatever the size of the array; there is no absolute one. A single wrong element among n,
    however small beside them, is found if it is off by more than 100 · √n · `rtol` of itself and its effect is not
    below the rounding of `f`. That rounding is measured, as that of backprop is, and part of the error bars: a
    gradient that is 0 but for rounding on both sides passes. Where rounding alone makes a bar wider than `rtol`,
    agreement within it still counts if it is no wider than 0.1 %. What has a wider bar, but one below `rtol` of the
    largest effect that any element has, is counted as below rounding and does not make an input INCONCLUSIVE. The
    report's `worst` is the largest disagreement relative to what was compared, with or without such an excuse: beside
    PASS, even 1 is no more than the error bars allow. If `f` computes in float32 somewhere, `rtol` is at least the
    square root of its rounding, 3e-4.

    `order` 2 or 3 also checks the derivatives of ⟨gradient, random direction⟩, and so each rule's own derivative.
    `modes` may have "forward"; with both, the identity ⟨u, Jv⟩ = ⟨Jᵀu, v⟩ is checked too, to 1e-10. `progress` shows a
    bar (by default if it takes long). What is random is drawn from `seed`.

    Raises ValueError if nothing can be varied or an option makes no sense, TypeError if `f` does not take as many
    inputs, does not return tensors or returns complex ones.

    >>> gradcheck(lambda x: (x * x).sum(), [np.array([1.0, 2.0])])  # doctest: +ELLIPSIS
    input  shape  compared         worst    verdict
    -----------------------------------------------
    x      (2,)   2 of 2 elements  ...      PASS
    ...
    1 PASS: 2 of 2 agree, 0 fail
    >>> gradcheck(abs, 0.0).verdict
    'KINK'
    """
    if wrt is not None and not isinstance(wrt, str):
        raise TypeError(f"gradcheck: wants several inputs as one tuple, got {type(wrt).__name__} as wrt")
    _check_options(sample, rtol, order, modes, projections)
    arguments = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
    _check_count(f, len(arguments))
    state = get_rng_state()
    try:
        subject = Subject(f, arguments, wrt)
        with np.errstate(all="ignore"):
            checks = _refused(subject)
            if not checks:
                plan = _Plan(sample, projections, [m for m in ("reverse", "forward") if m in modes])
                checks = list(_checked(subject, plan, rtol, order, np.random.default_rng(seed), progress))
    finally:
        set_rng_state(state)
    return GradcheckReport(tuple(checks))


def _check_options(sample: int, rtol: float, order: int, modes: Sequence[str], projections: int) -> None:
    for name, count in (("sample", sample), ("projections", projections)):
        if count < 1:
            raise ValueError(f"gradcheck: {name} has to be at least 1, got {count}")
    if not 0 < rtol < 1:
        raise ValueError(f"gradcheck: rtol has to be between 0 and 1, got {rtol}")
    if order not in (1, 2, 3):
        raise ValueError(f"gradcheck: order has to be 1, 2 or 3, got {order!r}")
    if isinstance(modes, str) or not modes or not set(modes) <= {"reverse", "forward"}:
        raise ValueError(f"gradcheck: modes has to be a sequence of 'reverse' and 'forward', got {modes!r}")


def _check_count(f: Callable[..., Any], count: int) -> None:
    """TypeError for a function that says how many inputs it takes, and takes others."""
    try:
        signature = inspect.signature(f)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(*range(count))
    except TypeError as error:
        raise TypeError(
            f"gradcheck: the function cannot take {count} input{'s' * (count != 1)} ({error}); a list or tuple holds "
            "one for each argument, and a vector is an array or a tensor"
        ) from None


def _refused(subject: Subject) -> list[InputCheck]:
    """Verdicts for which no derivative is needed, on all inputs; none if nothing speaks against them."""
    written = subject.written_by_a_call()
    if written:
        verdicts: dict[str, tuple[Verdict, str]] = dict.fromkeys(
            subject.point, ("INCONCLUSIVE", f"not checked, since the function writes into {written[0]}")
        )
        verdicts |= dict.fromkeys(written, ("MUTATES_INPUT", "the function writes into this input"))
        return [_refusal(subject, name, *said) for name, said in verdicts.items()]
    first, second = subject.outputs({}), subject.outputs({})
    if not first:
        raise ValueError("gradcheck: no output is floating, so there is nothing to differentiate")
    subject.check_not_captured()
    for i, (a, b) in enumerate(zip(first, second, strict=False)):
        if not _same_but_for_rounding(a, b):
            note = f"two evaluations at the same point differ (output {i}{_by(a, b)})"
            return [_refusal(subject, name, "NONDETERMINISTIC", note) for name in subject.point]
        if not np.isfinite(a).all():
            note = f"output {i} has {_not_finite(a)}"
            return [_refusal(subject, name, "UNDEFINED", note) for name in subject.point]
    return []


def _refusal(subject: Subject, name: str, verdict: Verdict, note: str) -> InputCheck:
    shape = subject.point[name].shape if name in subject.point else ()
    return InputCheck(name, shape, 1, "reverse", verdict, note=note)


class _Plan:
    """How much to compare of each input: `sample` elements and `projections`, in each of the `modes`."""

    def __init__(self, sample: int, projections: int, modes: Sequence[Mode]) -> None:
        self.sample = sample
        self.projections = projections
        self.modes = modes


def _checked(
    subject: Subject, plan: _Plan, rtol: float, order: int, rng: np.random.Generator, progress: bool | None
) -> Iterator[InputCheck]:
    """The verdicts on all inputs, at all orders and in all modes."""
    scales = {name: scales_of(x) for name, x in subject.point.items()}
    level: Level | None = None
    with progress_bar(order * len(scales) * len(plan.modes), "gradcheck", progress) as advance:
        for _ in range(order):
            level = Level(subject, level, scales, rng)
            comparisons = Comparisons(level, scales, rtol, "reverse" in plan.modes, rng)
            for name in scales:
                for mode in plan.modes:
                    yield _OneInput(comparisons, name, mode, plan, rng).check()
                    advance()
                if len(plan.modes) == 2:
                    yield _identity(comparisons, name, plan.projections)


class _OneInput:
    """The check of one input in one mode: the comparisons made so far of `elements` and of `directions`."""

    def __init__(self, comparisons: Comparisons, name: str, mode: Mode, plan: _Plan, rng: np.random.Generator) -> None:
        self.comparisons = comparisons
        self.name = name
        self.mode: Mode = mode
        self.plan = plan
        self.rng = rng
        self.shape = comparisons.point[name].shape
        self.size = math.prod(self.shape)
        self.gradient = None if comparisons.gradient is None else comparisons.gradient[name]
        self.elements: list[Compared] = []
        self.directions: list[Compared] = []
        self.settled: set[int] = set()  # elements (flat indices) that disturb projections, and were looked at alone
        self.note = ""

    def check(self) -> InputCheck:
        order = self.comparisons.level.order
        if self.mode == "reverse" and self.gradient is not None:
            again = self.comparisons.again[self.name]
            if not _same_but_for_rounding(self.gradient, again):
                note = f"two backward passes at the same point differ{_by(self.gradient, again)}"
                return InputCheck(self.name, self.shape, order, self.mode, "NONDETERMINISTIC", note=note)
            if not np.isfinite(self.gradient).all():
                self.note = f"backprop gives {_not_finite(self.gradient)}"
        for k in self._sampled():
            compared = self._element(int(k))
            self.elements.append(compared)
            if compared.entry.verdict not in UNDISTURBING:
                self.settled.add(int(k))
        if self.size > self.plan.sample:
            self._search()
        verdict, unresolved = self._verdict()
        agreed = [c.off for c in (*self.elements, *self.directions) if math.isfinite(c.off)]
        return InputCheck(
            self.name,
            self.shape,
            order,
            self.mode,
            verdict,
            tuple(c.entry for c in self.elements),
            len(self.directions),
            unresolved,
            max(agreed, default=0.0),
            self._hint() if verdict == "FAIL" else "",
            self.note,
        )

    def _element(self, k: int) -> Compared:
        index = tuple(int(i) for i in np.unravel_index(k, self.shape))
        return self.comparisons.element(self.name, self.mode, index)

    def _sampled(self) -> Array:
        """The elements (flat indices) to compare one by one: those that are not finite first, others at random."""
        bad = self._unusable()[: self.plan.sample]
        others = np.setdiff1d(np.arange(self.size), self._unusable())
        drawn = self.rng.choice(others, min(self.plan.sample - bad.size, others.size), replace=False)
        return np.sort(np.concatenate([bad, drawn]))

    def _unusable(self) -> Array:
        """Those elements (flat indices) for which backprop gives something that is not finite."""
        return np.zeros(0, int) if self.gradient is None else np.flatnonzero(~np.isfinite(self.gradient))

    # projections, and the elements behind those that disagree

    def _search(self) -> None:
        for _ in range(ROUNDS):
            if any(c.entry.verdict == "FAIL" for c in self.elements):
                return
            bad = [found for band in self._bands() for found in self._disagreement(band)]
            if not bad:
                return
            band, worst = max(bad, key=lambda found: SEVERITY.index(found[1].entry.verdict))
            culprits = self._culprits(band)
            self.elements += culprits or [worst]
            if not culprits:
                return
        if all(c.entry.verdict in UNDISTURBING for c in self.elements):
            note = "projections disagree, though none of the elements behind them that were looked at does"
            self.elements.append(worst._replace(entry=replace(worst.entry, verdict="INCONCLUSIVE", note=note)))

    def _disagreement(self, band: Array) -> Iterator[tuple[Array, Compared]]:
        """The band with the first direction in it that disagrees, if there is one."""
        for _ in range(self.plan.projections):
            compared = self.comparisons.projection(self.name, self.mode, band)
            self.directions.append(compared)
            if compared.entry.verdict not in UNDISTURBING:
                yield band, compared
                return

    def _bands(self) -> Iterator[Array]:
        """The elements (flat indices), but for those known to disagree, together with those of like effect."""
        free = np.ones(self.size, bool)
        free[self._unusable()] = False
        free[list(self.settled)] = False
        numbers = np.zeros(self.size)
        if self.gradient is not None:
            effects = self.comparisons.effects(self.name)
            share = effects / (effects.max(initial=0.0) or 1.0)
            numbers = np.log(np.maximum(share, BAND ** (BANDS - 1))) // math.log(BAND)
        for number in np.unique(numbers):
            band = np.flatnonzero((numbers == number) & free)
            if band.size:
                yield band

    def _culprits(self, band: Array) -> list[Compared]:
        """Elements of a band that disagree when moved as far as the others, found by halving, each looked at alone."""
        found: list[Compared] = []
        parts = [band]
        searches = 0
        while parts and len(found) < CULPRITS and searches < SEARCHES:
            part = parts.pop()
            if part.size == 1:
                self.settled.add(int(part[0]))
                found.append(self._element(int(part[0])))
                continue
            for half in np.array_split(part, 2):
                searches += 1
                if self.comparisons.projection(self.name, self.mode, half).entry.verdict not in UNDISTURBING:
                    parts.append(half)
        return found

    # what follows from all that

    def _verdict(self) -> tuple[Verdict, int]:
        """The gravest verdict, and how many inconclusive comparisons are negligible beside the whole gradient."""
        gravest: Verdict = max((c.entry.verdict for c in self.elements), key=SEVERITY.index, default="PASS")
        if self.note:
            gravest = max(gravest, "UNDEFINED", key=SEVERITY.index)
        doubts = [c.doubt for c in (*self.elements, *self.directions) if c.entry.verdict == "INCONCLUSIVE"]
        negligible = sum(doubt <= self.comparisons.rtol * self.comparisons.top for doubt in doubts)
        if gravest in UNDISTURBING:
            gravest = "PASS" if negligible == len(doubts) else "INCONCLUSIVE"
        return gravest, negligible

    def _hint(self) -> str:
        if self.mode != "reverse" or self.gradient is None:
            return ""
        point = self.comparisons.point
        outputs = self.comparisons.level.recorded[1]
        lengths = [n for shape in (*(x.shape for x in point.values()), *(y.shape for y in outputs)) for n in shape]
        entries = [c.entry for c in self.elements]
        return hint(entries, self.gradient, point[self.name], lengths, self.comparisons.unweighted(self.name))


def _identity(comparisons: Comparisons, name: str, projections: int) -> InputCheck:
    """Whether ⟨u, Jv⟩ by forward mode is ⟨Jᵀu, v⟩ by reverse mode, for random v."""
    tolerance = max(IDENTITY, 1e3 * comparisons.level.eps)
    shape, order = comparisons.point[name].shape, comparisons.level.order
    entries: list[Entry] = []
    worst = 0.0
    for _ in range(projections):
        v = comparisons.direction(name)
        back, size = comparisons.analytic(name, "reverse", v)
        ahead, other = comparisons.analytic(name, "forward", v)
        scale, gap = max(size, other), abs(back - ahead)
        error = tolerance * scale
        if not gap <= error:
            error += comparisons.rounding(name, "reverse", v) + comparisons.rounding(name, "forward", v)
        verdict: Verdict = "PASS" if gap <= error else "FAIL" if math.isfinite(gap) else "UNDEFINED"
        worst = max(worst, gap / scale if scale and math.isfinite(gap) else 0.0)
        if verdict != "PASS":
            note = f"⟨Jᵀu, v⟩ = {back:.9g} by reverse mode, ⟨u, Jv⟩ = {ahead:.9g} by forward mode"
            entries.append(Entry(name, None, back, ahead, error, verdict, None, note, order, "identity"))
    gravest: Verdict = max((e.verdict for e in entries), key=SEVERITY.index, default="PASS")
    return InputCheck(name, shape, order, "identity", gravest, tuple(entries[:1]), projections, worst=worst)


def _same_but_for_rounding(a: Array, b: Array) -> bool:
    if a.shape != b.shape:
        return False
    size = float(abs(a[np.isfinite(a)]).max(initial=0.0))
    return np.allclose(a, b, rtol=0, atol=64 * float(np.finfo(a.dtype).eps) * size, equal_nan=True)


def _by(a: Array, b: Array) -> str:
    return f" by up to {np.max(abs(a - b)):.3g}" if a.shape == b.shape else f" in shape, {a.shape} and {b.shape}"


def _not_finite(a: Array) -> str:
    bad = np.argwhere(~np.isfinite(a))
    return f"{len(bad)} of {a.size} elements that are not finite, the first at {[int(k) for k in bad[0]]}"
