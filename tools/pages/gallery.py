"""The gallery: every style of picture, with the command under each, on a light page and on a dark one."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from textwrap import dedent

import archscope
from archscope.diagrams.both import scene
from archscope.diagrams.themes import theme
from archscope.diagrams.writers.svg import svg
from archscope.difference import difference
from archscope.network import Network
from tools.pages.markdown import fenced, page

THEMES = {"light": "", "dark": "-dark"}
"""For each theme the end of the names of its files."""


@dataclass(frozen=True)
class Entry:
    """A picture.

    Attributes:
        name: of its files.
        title: its heading.
        text: what is to be seen.
        network: whose it is, as the command line names it; a path for a spec on the page.
        options: what is asked for, by name.
        spec: of a network that does not come along.
        other: what it is compared with.
    """

    name: str
    title: str
    text: str
    network: str
    options: dict[str, str] = field(default_factory=dict)
    spec: str = ""
    other: str = ""

    @property
    def command(self) -> str:
        """What draws it."""
        if self.other:
            return f"archscope diff {self.network} {self.other} --diagram {self.name}.svg"
        asked = " ".join(f"--{name.replace('_', '-')} {shlex.quote(value)}" for name, value in self.options.items())
        return " ".join(part for part in ("archscope diagram", self.network, asked, f"-o {self.name}.svg") if part)

    def drawing_of(self) -> Network:
        """The network, read."""
        if self.spec:
            return archscope.read(self.spec, name=self.network.removeprefix("./").removesuffix(".yaml"))
        return archscope.load(self.network)

    def picture(self, theme_name: str) -> str:
        """Its SVG."""
        return _picture(self.name, theme_name)

    def drawn(self, theme_name: str) -> str:
        """Its SVG, drawn now."""
        if self.other:
            one, other = self.drawing_of(), archscope.load(self.other)
            return svg(scene(difference(one, other, names=(self.network, self.other)), theme(theme_name)))
        return archscope.draw(self.drawing_of(), theme=theme_name, **self.options).svg


_MLP = dedent("""\
    title: A multilayer perceptron
    input: [4]
    layers:
      hidden1: {type: linear, out_features: 6, activation: relu}
      hidden2: {type: linear, out_features: 100, activation: relu}
      classes: {type: linear, out_features: 3, activation: softmax}
    """)

SIAMESE = dedent("""\
    title: A siamese pair
    input: {left: [1, 105, 105], right: [1, 105, 105]}
    blocks:
      twin:
        layers:
          conv1: {type: conv2d, out_channels: 64, kernel_size: 10, activation: relu}
          pool1: {type: max_pool2d, kernel_size: 2}
          conv2: {type: conv2d, out_channels: 128, kernel_size: 7, activation: relu}
          pool2: {type: max_pool2d, kernel_size: 2}
          conv3: {type: conv2d, out_channels: 128, kernel_size: 4, activation: relu}
          flat: {type: flatten}
          fc: {type: linear, out_features: 4096, activation: sigmoid}
    layers:
      one: {type: twin, from: left}
      two: {type: twin, from: right, shares: one}
      distance: {type: subtract, from: [one, two]}
      same: {type: linear, out_features: 1, activation: sigmoid}
    """)

PYRAMID = dedent("""\
    title: A detector with a feature pyramid
    input: [3, 512, 512]
    blocks:
      stage:
        options: {c: , n: 2}
        layers:
          down: {type: conv2d, out_channels: $c, kernel_size: 3, stride: 2, padding: 1, activation: relu}
          conv: {type: conv2d, out_channels: $c, kernel_size: 3, padding: 1, activation: relu, repeat: $n}
    layers:
      stem: {type: conv2d, out_channels: 64, kernel_size: 7, stride: 2, padding: 3, activation: relu}
      pool: {type: max_pool2d, kernel_size: 3, stride: 2, padding: 1}
      c3: {type: stage, c: 128}
      c4: {type: stage, c: 256}
      c5: {type: stage, c: 512}
      lateral5: {type: conv2d, out_channels: 256, kernel_size: 1}
      lateral4: {type: conv2d, out_channels: 256, kernel_size: 1, from: c4}
      lateral3: {type: conv2d, out_channels: 256, kernel_size: 1, from: c3}
      top5: {type: upsample, scale_factor: 2, from: lateral5}
      sum4: {type: add, from: [lateral4, top5]}
      top4: {type: upsample, scale_factor: 2, from: sum4}
      sum3: {type: add, from: [lateral3, top4]}
      classes3: {type: conv2d, out_channels: 80, kernel_size: 3, padding: 1, from: sum3}
      classes4: {type: conv2d, out_channels: 80, kernel_size: 3, padding: 1, shares: classes3, from: sum4}
      classes5: {type: conv2d, out_channels: 80, kernel_size: 3, padding: 1, shares: classes3, from: lateral5}
    output: [classes3, classes4, classes5]
    """)

TAGGER = dedent("""\
    title: A tagger
    input: {words: [20]}
    layers:
      embed: {type: embedding, num_embeddings: 10000, embedding_dim: 64}
      gru: {type: gru, hidden_size: 128}
      tag: {type: linear, out_features: 17}
    """)

SEQUENCES = dedent("""\
    title: Sequence to sequence
    input: {source: [12], target: [10]}
    layers:
      embed_source: {type: embedding, num_embeddings: 160000, embedding_dim: 1000, from: source}
      encoder: {type: lstm, hidden_size: 1000, num_layers: 4}
      embed_target: {type: embedding, num_embeddings: 80000, embedding_dim: 1000, from: target}
      decoder: {type: lstm, hidden_size: 1000, num_layers: 4, from: [embed_target, encoder.hidden, encoder.cell]}
      head: {type: linear, out_features: 80000}
    """)

ATTENTION = dedent("""\
    title: A decoder with attention
    input: {source: [12], target: [10]}
    layers:
      embed_source: {type: embedding, num_embeddings: 10000, embedding_dim: 256, from: source}
      encoder: {type: gru, hidden_size: 256}
      embed_target: {type: embedding, num_embeddings: 10000, embedding_dim: 256, from: target}
      decoder: {type: gru, hidden_size: 256, from: [embed_target, encoder.hidden]}
      turned: {type: transpose, dim0: 0, dim1: 1, from: encoder}
      scores: {type: matmul, from: [decoder, turned], activation: softmax}
      context: {type: matmul, from: [scores, encoder]}
      both: {type: concat, dim: -1, from: [context, decoder]}
      combine: {type: linear, out_features: 256, activation: tanh}
      head: {type: linear, out_features: 10000}
    """)

LOOP = (
    "title: A cell called in a loop\ninput: [6, 64]\nlayers:\n"
    "  x1: {type: select, index: 0}\n"
    "  cell: {type: gru_cell, hidden_size: 128}\n"
    "  tag: {type: linear, out_features: 17}\n"
    + "".join(
        f"  x{step}: {{type: select, index: {step - 1}, from: input}}\n"
        f"  cell{step}: {{type: gru_cell, hidden_size: 128, shares: cell, "
        f"from: [x{step}, cell{step - 1 if step > 2 else ''}]}}\n"
        f"  tag{step}: {{type: linear, out_features: 17, shares: tag}}\n"
        for step in range(2, 7)
    )
    + "  tags: {type: stack, from: [tag, tag2, tag3, tag4, tag5, tag6]}\n"
)

ENTRIES: dict[str, tuple[Entry, ...]] = {
    "Planes": (
        Entry("lenet5", "LeNet-5", "Stacks of feature maps, as in LeCun's figure of 1998: every map, the window that "
              "slides over it and where it lands.", "lenet5"),
    ),
    "Boxes": (
        Entry("alexnet", "AlexNet", "Two towers that meet before the third layer and before the dense ones, as in "
              "Krizhevsky's figure of 2012.", "alexnet"),
        Entry("unet", "U-Net", "An encoder with its decoder is a U, as in Ronneberger's figure of 2015: what makes "
              "maps smaller stands under what it reads, copies go straight across.", "unet"),
        Entry("resnet-50", "ResNet-50", "Stages of equal blocks are drawn once, with how many they are. What only the "
              "first of them has stands on its skip connection.", "resnet@50"),
        Entry("googlenet", "GoogLeNet", "A closed module has a strip for each branch. `--expand inception3a` opens "
              "one.", "googlenet"),
        Entry("densenet-121", "DenseNet-121", "A closed block has a strip for what each of its layers adds.",
              "densenet@121"),
        Entry("convnext", "ConvNeXt-T", "Axes that are turned for a norm, the norms and the scales are part of the "
              "maps they belong to.", "convnext@T"),
        Entry("dcgan", "DCGAN's generator", "A transposed convolution opens from a point to its window.",
              "dcgan@generator"),
        Entry("siamese", "A siamese pair", "Twins stand alike and say whose weights they use.", "./siamese.yaml",
              spec=SIAMESE),
        Entry("pyramid", "A feature pyramid", "Down, across and up again; heads that share their weights at every "
              "size.", "./pyramid.yaml", spec=PYRAMID),
    ),
    "Transformers": (
        Entry("transformer", "The Transformer", "Blocks stacked upward, an encoder beside a decoder, as in Vaswani's "
              "figure of 2017.", "transformer@base"),
        Entry("gpt2", "GPT-2", "Norms before what is added; the head uses the weights of the embedding.",
              "gpt2@small"),
        Entry("mixtral", "Mixtral", "A router chooses two of eight experts; four queries share a key and a value.",
              "mixtral"),
    ),
    "Recurrence": (
        Entry("lstm-lm", "An LSTM language model", "The cells with their loops, and the same cells at each step.",
              "lstm-lm@small"),
        Entry("lstm-cell", "Inside the cell", "What the gates of an LSTM do to its states, below the figure on demand.",
              "lstm-lm@small", {"show": "name,op,shape,parameters,cell"}),
        Entry("gru-cell", "A tagger of GRU units", "What is reset is the map of the last state, as PyTorch has it.",
              "./tagger.yaml", {"show": "name,op,shape,parameters,cell"}, spec=TAGGER),
        Entry("seq2seq", "Sequence to sequence", "An encoder's last states are those that the decoder begins with, as "
              "in Sutskever's figure of 2014.", "./seq2seq.yaml", spec=SEQUENCES),
        Entry("loop", "A cell called in a loop", "What a loop calls again at each step, with the same weights, is one "
              "layer; a module that loops over `torch.nn.GRUCell` is drawn so, too.", "./loop.yaml", spec=LOOP),
        Entry("attention", "A decoder with attention", "Each step looks at all states of the encoder, as in Luong's "
              "figure of 2015. A module whose loop attends with the state before, as in Bahdanau's, is drawn so, too.",
              "./attention.yaml", spec=ATTENTION),
    ),
    "Neurons": (
        Entry("mlp", "A multilayer perceptron", "Circles and lines, with dots where a layer has many; "
              "`--show name,shape,bias,weights` adds biases and names weights.", "./mlp.yaml", spec=_MLP),
    ),
    "Graphs": (
        Entry("gpt2-graph", "Any network", "A node for each layer, blocks in frames, equal ones once.", "gpt2@small",
              {"style": "graph"}),
    ),
    "What is on them": (
        Entry("alexnet-macs", "Where the work is", "`--color` gives each layer the colour of what it costs.", "alexnet",
              {"color": "macs"}),
        Entry("resnet-both", "What differs", "Two networks, each as it is drawn. A number is that of the difference in "
              "the list below.", "resnet@50", other="resnet@50-v1.5"),
    ),
}  # fmt: skip


def entries() -> Iterator[Entry]:
    """Every picture."""
    for each in ENTRIES.values():
        yield from each


@cache
def _picture(name: str, theme_name: str) -> str:
    return next(each for each in entries() if each.name == name).drawn(theme_name)


def figures() -> dict[str, str]:
    """The files of the pictures."""
    return {
        f"assets/figures/{entry.name}{ending}.svg": entry.picture(name)
        for entry in entries()
        for name, ending in THEMES.items()
    }


_LEAD = """\
Every style that `archscope diagram` draws, with the command under each. No coordinate was placed by hand, and the
project's tests hold every picture here to what they hold all others to: nothing overlaps or leaves the page, every edge
is drawn, and every parameter is told. [Put the figure in my paper](how-to/figure-in-a-paper.md) says how each is
written, sized and labelled; [the museum](museum.md) has all the networks."""


def pages() -> dict[str, str]:
    """The page, and its pictures."""
    parts = [_LEAD]
    for heading, found in ENTRIES.items():
        parts += [f"## {heading}", *("\n\n".join(_entry(each)) for each in found)]
    return {"gallery.md": page("Gallery", *parts), **figures()}


def _entry(entry: Entry) -> Iterator[str]:
    yield f"### {entry.title}"
    yield entry.text
    yield images(entry, f"{entry.title}, drawn by archscope")
    if entry.spec:
        block = "\n".join(
            f"    {line}" for line in fenced(entry.spec, "yaml", entry.network.removeprefix("./")).split("\n")
        )
        yield f'??? note "{entry.network.removeprefix("./")}"\n\n{block}'
    yield fenced(f"$ {entry.command}\n...", "console")


def images(entry: Entry, words: str) -> str:
    """A picture for each theme of the page, which leads to its file; the browser fetches those that are seen."""
    return "\n".join(_image(entry, words, name, ending) for name, ending in THEMES.items())


def _image(entry: Entry, words: str, theme_name: str, ending: str) -> str:
    file = f"assets/figures/{entry.name}{ending}.svg"
    found = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', entry.picture(theme_name))
    wide, tall = (round(float(each) * 96 / 72) for each in found.groups()) if found else (0, 0)
    return f"[![{words}]({file}#only-{theme_name}){{ loading=lazy width={wide} height={tall} }}]({file})"
