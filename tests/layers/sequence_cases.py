"""Attention and recurrence, by hand; the counts of weights are those PyTorch documents for its modules."""

from __future__ import annotations

from tests.layers.layer_case import case, wrong

CASES = [
    case("multihead_attention", (16, 64), num_heads=8, output=(16, 64), parameters=16_640, connections=266_240,
         macs=294_912, units=1_024, windows=None, label="attention, 8 heads",
         why="self-attention (Vaswani et al. 2017): four projections of 64 features with biases, "
         "4·(64 + 1)·64 = 16,640 parameters, at 16 positions: 16,640·16 = 266,240 connections; "
         "4·64·64·16 = 262,144 MACs project, 16·16·64 = 16,384 compare queries with keys and as many add up values: "
         "262,144 + 2·16,384 = 294,912. The number of heads changes nothing"),
    case("multihead_attention", (6, 16), (5, 16), num_heads=4, bias=False, output=(6, 16), parameters=1_024,
         connections=5_632, macs=6_592, units=96, windows=None,
         why="6 queries look at 5 positions: 4·16·16 = 1,024 parameters; queries and outputs are projected at 6, keys "
         "and values at 5 positions, 2·16·16·6 + 2·16·16·5 = 5,632 connections; with 2·6·5·16 = 960 for the products, "
         "5,632 + 960 = 6,592 MACs"),
    case("multihead_attention", (6, 16), (5, 12), (5, 10), num_heads=4, output=(6, 16), parameters=928,
         connections=5_184, macs=5_792, units=96, windows=None,
         why="keys of width 12 and values of width 10: (16 + 1)·16 + (12 + 1)·16 + (10 + 1)·16 + (16 + 1)·16 = 928 "
         "parameters; 17·16·6 + 13·16·5 + 11·16·5 + 17·16·6 = 5,184 connections; "
         "16·16·6 + 12·16·5 + 10·16·5 + 16·16·6 + 2·6·5·16 = 5,792 MACs"),
    case("multihead_attention", (6, 16), (5, 12), num_heads=1, output=(6, 16), parameters=960,
         connections=5_344, macs=5_952, units=96, windows=None,
         why="keys and values of the same width 12: 2·(16 + 1)·16 + 2·(12 + 1)·16 = 960 parameters; "
         "2·17·16·6 + 2·13·16·5 = 5,344 connections; 2·16·16·6 + 2·12·16·5 + 2·6·5·16 = 5,952 MACs"),
    case("lstm", (10, 16), hidden_size=32, outputs=((10, 32), (1, 32), (1, 32)), parameters=6_400, connections=64_000,
         macs=61_440, units=320, windows=None, label="LSTM", working={"parameters": "(16 + 32 + 1 + 1)·4·32"},
         formula={"macs": "(c + h)·4·h·t"},
         why="four gates of 32 units, each reading 16 inputs, 32 states and, in PyTorch, two biases: "
         "(16 + 32 + 2)·4·32 = 6,400 parameters, at 10 positions 6,400·10 = 64,000 connections; "
         "(16 + 32)·4·32·10 = 61,440 MACs. It gives all states, the last one and the last cell"),
    case("lstm", (10, 16), hidden_size=32, num_layers=2, bidirectional=True,
         outputs=((10, 64), (4, 32), (4, 32)), parameters=37_888, connections=378_880, macs=368_640, units=640,
         windows=None, label="LSTM ×2, bidirectional",
         why="two directions: 2·(16 + 32 + 2)·4·32 = 12,800 parameters below; the layer above reads both, 64 states: "
         "2·(64 + 32 + 2)·4·32 = 25,088; 12,800 + 25,088 = 37,888 parameters, 37,888·10 = 378,880 connections, "
         "(2·48·4·32 + 2·96·4·32)·10 = 368,640 MACs; 2·2 = 4 last states"),
    case("lstm", (10, 16), hidden_size=32, bias=False, outputs=((10, 32), (1, 32), (1, 32)), parameters=6_144,
         connections=61_440, macs=61_440, units=320, windows=None,
         why="(16 + 32)·4·32 = 6,144 parameters, 6,144·10 = 61,440 connections, all of them MACs"),
    case("gru", (10, 16), hidden_size=32, outputs=((10, 32), (1, 32)), parameters=4_800, connections=48_000,
         macs=46_080, units=320, windows=None, label="GRU",
         why="three gates: (16 + 32 + 2)·3·32 = 4,800 parameters, 4,800·10 = 48,000 connections, "
         "(16 + 32)·3·32·10 = 46,080 MACs; no cell"),
    case("gru", (10, 16), hidden_size=32, num_layers=2, bias=False, outputs=((10, 32), (2, 32)), parameters=10_752,
         connections=107_520, macs=107_520, units=320, windows=None, label="GRU ×2",
         why="the second layer reads 32 states: (16 + 32)·3·32 + (32 + 32)·3·32 = 10,752 parameters, "
         "10,752·10 = 107,520 connections and MACs"),
    case("gru", (7, 3), hidden_size=2, bidirectional=True, outputs=((7, 4), (2, 2)), parameters=84, connections=588,
         macs=420, units=28, windows=None, label="GRU, bidirectional",
         why="2·(3 + 2 + 2)·3·2 = 84 parameters, 84·7 = 588 connections, 2·(3 + 2)·3·2·7 = 420 MACs; both directions "
         "side by side, 2·2 = 4 features"),
]  # fmt: skip

WRONG = [
    wrong("multihead_attention", (64,), num_heads=8, at=0, message="takes (positions, features), got (64,)"),
    wrong("multihead_attention", (16, 64), (3, 8, 8), num_heads=8, at=1,
          message="takes (positions, features), got (3, 8, 8)"),
    wrong("multihead_attention", (16, 64), (5, 8), (8,), num_heads=8, at=2,
          message="takes (positions, features), got (8,)"),
    wrong("multihead_attention", (16, 64), num_heads=6, blamed="num_heads", at=0,
          message="`num_heads: 6` does not divide the 64 features; use a divisor of 64"),
    wrong("multihead_attention", (6, 16), (5, 12), (4, 12), num_heads=4, at=2, message="5 keys but 4 values"),
    wrong("multihead_attention", *[(6, 16)] * 4, num_heads=4, message="takes 1 to 3 inputs, not 4"),
    wrong("lstm", (16,), hidden_size=32, at=0, message="takes (positions, features), got (16,)"),
    wrong("gru", (3, 8, 8), hidden_size=32, at=0, message="takes (positions, features), got (3, 8, 8)"),
    wrong("lstm", hidden_size=32, num_layers=0, blamed="num_layers",
          message="`num_layers`: expected a positive integer, got 0"),
    wrong("gru", hidden_size=32, cell=1, blamed="cell",
          message="unknown option `cell`; options: hidden_size, num_layers, bias, bidirectional"),
]  # fmt: skip
