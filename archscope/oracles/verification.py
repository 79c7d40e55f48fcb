"""`verify`: call the witnesses and keep what they say."""

from __future__ import annotations

import contextvars
import importlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Final

from archscope import escaping
from archscope.analysis import Analysis
from archscope.errors import NotFound, UsageError, did_you_mean
from archscope.importing.jax.things import JaxCalled
from archscope.importing.kinds import kind_of
from archscope.losses import DEFAULT, loss_of
from archscope.network import Network
from archscope.opening import analyze
from archscope.oracles.case import Case
from archscope.oracles.findings import Finding, Verdict, not_covered, worst
from archscope.oracles.pace import SECONDS, Pace, Told
from archscope.theirs import Unusual, raised

if TYPE_CHECKING:
    from archscope.tracing.calling import Called


@dataclass(frozen=True)
class Witness:
    """A second opinion.

    Attributes:
        name: the head of its column.
        module: the module of this package that asks it.
        confirms: what it can say, in a few words.
        packages: what has to be installed.
        as_written: whether it speaks of the network as its spec has it, and of no other.
        of_a_spec: whether it speaks of what a spec makes, and not of a person's own module.
        of: the kind of file that it speaks of, or JAX, and is asked of where nobody names it; empty for all networks.
    """

    name: str
    module: str
    confirms: str
    packages: tuple[str, ...] = ("torch",)
    as_written: bool = False
    of_a_spec: bool = False
    of: str = ""


WITNESSES: Final = {
    witness.name: witness
    for witness in (
        Witness("module", "built", "the PyTorch module, built or your own: output shapes, weights, parameters"),
        Witness("torchinfo", "torchinfo", "torchinfo: shapes, parameters; its mult-adds are connections",
                ("torch", "torchinfo")),
        Witness("fvcore", "fvcore", "fvcore, from a trace: multiply-accumulates (MACs)", ("torch", "fvcore")),
        Witness("FLOPs", "flops", "PyTorch's FlopCounterMode: 2 · MACs"),
        Witness("profiler", "profiler", "PyTorch's profiler and its own formulas: 2 · MACs", of_a_spec=True),
        Witness("source", "written", "the class that `archscope code` writes, run alone: parameters, MACs",
                of_a_spec=True),
        Witness("gradient", "gradient", "autograd, one way back: values that get a gradient, half its products",
                of_a_spec=True),
        Witness("Jacobian", "jacobian", "non-zeros of each layer's Jacobian, plus bias lines: connections"),
        Witness("field", "field", "which input pixels reach a unit: receptive fields"),
        Witness("memory", "memory", "PyTorch's memory tracker and autograd: bytes held, phase by phase"),
        Witness("Keras", "keras", "Keras 3, the course's own models and those of files: shapes, weights",
                ("torch", "keras"), as_written=True),
        Witness("onnxruntime", "onnxruntime", "ONNX Runtime runs the file: output shapes, weights", (), of="ONNX"),
        Witness("program", "program", "the exported program itself, run operation by operation: shapes, state dict",
                of="PYTORCH"),
        Witness("JAX", "jax_module", "JAX traces the module anew: shapes, leaves, XLA's count of products", (),
                of="JAX"),
        Witness("weights", "stored", "the header of a file of trained weights: shapes, parameters", ()),
        Witness("published", "published", "every figure in print that the spec cites", (), as_written=True),
    )
}  # fmt: skip
"""Every witness by name, in the order of the matrix."""

OF_A_MODULE: Final = frozenset({"built", "torchinfo", "fvcore", "flops", "jacobian", "field", "memory"})
"""Witnesses that can be sent through a person's own module; see `archscope.oracles.own`."""


_MOST: Final = 500
"""Layers that a notebook shows."""


@dataclass(frozen=True)
class Verification:
    """What the witnesses say about one network."""

    analysis: Analysis
    witnesses: tuple[str, ...]
    findings: tuple[Finding, ...]
    stopped: str = ""
    """Where it was interrupted: the witness and the layer it looked at; empty where it came to its end."""

    def __repr__(self) -> str:
        return f"<archscope verification of {escaping.line(self.sentence)}>"

    def _repr_html_(self) -> str:
        """The matrix, which is what a notebook shows of it."""
        from archscope.oracles.report import write_matrix

        # Notebooks set `pre` of an output in the font of their texts, and some in black, which no dark page shows.
        style = "overflow-x: auto; white-space: pre; font-family: monospace; color: inherit; background: transparent"
        return f'<pre style="{style}">{escaping.html(write_matrix([self], most=_MOST))}</pre>'

    @cached_property
    def differing(self) -> tuple[Finding, ...]:
        """Findings that differ without an explanation; the reason for exit status 1."""
        return self.of(Verdict.DIFFERS)

    def of(self, verdict: Verdict) -> tuple[Finding, ...]:
        """The findings with one verdict."""
        return tuple(each for each in self.findings if each.verdict is verdict)

    @cached_property
    def _cells(self) -> dict[tuple[str | None, str], list[Finding]]:
        cells: dict[tuple[str | None, str], list[Finding]] = {}
        for finding in self.findings:
            cells.setdefault((finding.layer, finding.witness), []).append(finding)
        return cells

    def cell(self, layer: str | None, witness: str) -> tuple[Finding, ...]:
        """What a witness says about a layer; about the whole network for None."""
        return tuple(self._cells.get((layer, witness), ()))

    def verdict(self, layer: str | None, witness: str) -> Verdict:
        """The verdict of one cell of the matrix."""
        return worst(finding.verdict for finding in self.cell(layer, witness))

    @property
    def layers(self) -> tuple[str | None, ...]:
        """The rows of the matrix: the layers of the spec, and None for the whole network."""
        return (*(row.name for row in self.analysis.rows), None)

    @property
    def sentence(self) -> str:
        """What came out, in a sentence or two."""
        agreeing = [each for each in self.of(Verdict.AGREES) if not each.source]
        names = [name for name in self.witnesses if any(each.witness == name for each in agreeing)]
        parts = []
        if agreeing:
            parts.append(f"{_number(len(agreeing), 'fact')} confirmed by {_number(len(names), 'independent witness')}")
        printed = [each for each in self.findings if each.source]
        if printed:
            held = sum(each.verdict is Verdict.AGREES for each in printed)
            explained = sum(each.verdict is Verdict.EXPLAINED for each in printed)
            one = 1 in (held, len(printed))
            clause = f"{held} of {_number(len(printed), 'published figure')} {'holds' if one else 'hold'}"
            parts.append(clause + (f" and {explained} differ{'s' if explained == 1 else ''} for a reason the spec gives"
                                   if explained else ""))  # fmt: skip
        otherwise = sum(not each.source for each in self.of(Verdict.EXPLAINED))
        if otherwise:
            parts.append(f"{_number(otherwise, 'count')} of another convention explained")
        wrong = len(self.differing)
        parts.append(
            f"{_number(wrong, 'fact')} {'differs' if wrong == 1 else 'differ'}" if wrong else "nothing differs"
        )
        ended = f" Stopped in {self.stopped}; the rest was not asked." if self.stopped else ""
        return f"{self.analysis.name}: {'; '.join(parts)}{' so far' if self.stopped else ''}.{ended}"


def _number(count: int, noun: str) -> str:
    plural = noun + ("es" if noun.endswith("s") else "s")
    return f"{count:,} {noun if count == 1 else plural}"


def verify(
    network: Network | Analysis | str | os.PathLike[str],
    witnesses: Iterable[str] | None = None,
    *,
    as_written: bool = True,
    seconds: float = SECONDS,
    progress: Told | None = None,
    clock: Callable[[], float] = time.monotonic,
    module: Called | JaxCalled | None = None,
    weights: str = "",
    loss: str = DEFAULT,
) -> Verification:
    """Call the witnesses of a network.

    Args:
        network: what to verify, or its analysis, or a spec by name or path.
        witnesses: which to call, by name; if left out, the one of the weights where they are given, else all others.
        as_written: whether the network is as its spec has it; of one with other options nobody printed a figure.
        seconds: how long they may take together; what is too large for it is sampled or not covered.
        progress: called with the network's, the witness's and the layer's name as each is looked at.
        clock: what tells the time.
        module: the person's own module that the network was read from; the witnesses are sent through it, and it is
            left as it was. Without it, or with one of JAX's, they look at the module that is built from the network.
        weights: a file of weights that were trained for it, safetensors, GGUF or a state dict of PyTorch's; or a folder
            or an index of several. Its header is read and none of its tensors.
        loss: what a step of training starts its backward pass from, for the memory; see `archscope.memory.memory`.

    An interrupt (Ctrl-C) ends it with what is known so far; `Verification.stopped` says where.

    Raises:
        MissingExtra: a witness needs a package that is not installed.
        NotFound: there is no witness of that name.
        UsageError: there is no such loss, or that is no network.
    """
    if not isinstance(network, Network | Analysis | str | os.PathLike):
        raise UsageError(f"a value of type {type(network).__name__} is no network; take a spec by name or path, or "
                         "what `load`, `trace` or `analyze` returned")  # fmt: skip
    analysis = analyze(network)
    chosen = asked_of(analysis.network, weights, module) if witnesses is None else tuple(dict.fromkeys(witnesses))
    for name in chosen:
        if name not in WITNESSES:
            raise NotFound(f"there is no witness `{name}`; {did_you_mean(name, WITNESSES, what='witnesses')}")
    pace = Pace(seconds, network=analysis.name, told=progress, clock=clock)
    theirs = module if isinstance(module, JaxCalled) else None
    own = None if isinstance(module, JaxCalled) else module
    case = Case(analysis, pace, own, weights, named=witnesses is not None, jax=theirs, loss=loss_of(loss))
    findings: list[Finding] = []
    stopped = ""
    try:
        with _own_settings(chosen):
            for place, name in enumerate(chosen):
                case.pace.begin(name, len(chosen) - place)
                asked = partial(_asked, name, case, as_written=as_written)
                contextvars.copy_context().run(_kept, asked, findings)  # what their code sets there is not the caller's
    except KeyboardInterrupt:
        stopped = case.pace.place or chosen[0]
    return Verification(analysis, chosen, tuple(findings), stopped)


def asked_of(network: Network, weights: str = "", module: Called | JaxCalled | None = None) -> tuple[str, ...]:
    """The witnesses that are asked where nobody names any: of weights that were named, the one that reads them."""
    if weights:
        return ("weights",)
    kind = kind_of(network.path) if network.observed is not None and network.path else None
    of = "JAX" if isinstance(module, JaxCalled) else "" if kind is None else kind.name
    return tuple(name for name, each in WITNESSES.items() if name != "weights" and each.of in ("", of))


def _kept(asked: Callable[[], Iterator[Finding]], findings: list[Finding]) -> None:
    """Have what a witness says one by one, so that an interrupt keeps what it has said already."""
    for finding in asked():
        findings.append(finding)  # noqa: PERF402


def _asked(name: str, case: Case, *, as_written: bool) -> Iterator[Finding]:
    witness = WITNESSES[name]
    if witness.as_written and not as_written:
        return iter([not_covered(name, None, "everything", "it speaks of the network as its spec has it")])
    _require(witness.packages)
    if witness.of_a_spec and case.module is not None:
        why = "it speaks of what a spec makes, and not of a module of your own"
        return iter([not_covered(name, None, "everything", why)])
    own = case.module is not None and witness.module in OF_A_MODULE
    module = importlib.import_module(f"archscope.oracles.{'own.' if own else ''}{witness.module}")
    found: Iterator[Finding] = module.observe(case)
    return found if not witness.packages else _where_it_can_be_built(name, found, case)


def _where_it_can_be_built(name: str, found: Iterator[Finding], case: Case) -> Iterator[Finding]:
    """What a witness finds until it has no module to look at, for what is no layer, or no memory to do so.

    Or until the person's own code, with values before it, raises what would end archscope.
    """
    from archscope.building.constructions import NoLayer

    try:
        yield from found
    except NoLayer as error:
        yield not_covered(name, None, "everything", f"no module can be built: {error}")
    except Unusual as error:
        yield not_covered(name, None, "everything", f"the module raised {raised(error)}")
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not _too_large(error):
            raise
        where = f" at {case.pace.layer}" if case.pace.layer else ""
        yield not_covered(name, None, "everything", f"there is no memory for what it makes{where}")


def _too_large(error: RuntimeError) -> bool:
    """Whether PyTorch did not get the memory that it asked for."""
    text = str(error)
    return "can't allocate memory" in text or "not enough memory" in text or "out of memory" in text.lower()


def _require(packages: Sequence[str]) -> None:
    from importlib.util import find_spec

    from archscope.errors import MissingExtra, require_torch

    for package in packages:
        if package == "torch":
            require_torch("verify")
        elif package != "keras" and find_spec(package) is None:
            raise MissingExtra("verify", package, "torch")


@contextmanager
def _own_settings(witnesses: Sequence[str]) -> Iterator[None]:
    """PyTorch as the witnesses need it, whatever the caller has set, and afterwards as the caller had it.

    Gradients are recorded, tensors are made on the CPU unless a witness says otherwise, and one thread computes:
    probes are many small products, which several threads only slow down.
    """
    if not any(WITNESSES[name].packages for name in witnesses):
        yield
        return
    _require(("torch",))
    import torch

    from archscope.tracing.surroundings import everybodys_kept

    # Attention takes another way while a default device is set, so none is set where none is needed.
    device = nullcontext() if torch.get_default_device().type == "cpu" else torch.device("cpu")
    with everybodys_kept(), device, torch.inference_mode(False), torch.enable_grad():
        torch.set_num_threads(1)
        yield
