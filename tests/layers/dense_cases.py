"""Dense layers, Euclidean RBF units and embeddings, by hand."""

from __future__ import annotations

from tests.layers.layer_case import case, wrong

CASES = [
    case("linear", (120,), out_features=84, output=(84,), parameters=10_164, connections=10_164, macs=10_080, units=84,
         windows=None, label="linear",
         working={"parameters": "(120 + 1)·84", "connections": "(120 + 1)·84", "macs": "120·84"},
         formula={"parameters": "(c + 1)·n"},
         why="LeNet-5's F6: every unit sees all 120 inputs and a bias, (120 + 1)·84 = 10,164 parameters, each one "
         "connection; 120·84 = 10,080 MACs"),
    case("linear", (9_216,), out_features=4_096, output=(4_096,), parameters=37_752_832, connections=37_752_832,
         macs=37_748_736, units=4_096, windows=None,
         why="AlexNet's fc6, more than half of the network: (9,216 + 1)·4,096 = 37,752,832 parameters and connections, "
         "9,216·4,096 = 37,748,736 MACs"),
    case("linear", (12,), out_features=7, bias=False, output=(7,), parameters=84, connections=84, macs=84, units=7,
         windows=None, why="without a bias: 12·7 = 84 of each"),
    case("linear", (5, 12), out_features=7, output=(5, 7), parameters=91, connections=455, macs=420, units=35,
         windows=None, working={"connections": "(12 + 1)·7·5"}, formula={"macs": "c·n·l"},
         why="applied at each of 5 positions: its (12 + 1)·7 = 91 parameters are shared, so 91·5 = 455 connections and "
         "12·7·5 = 420 MACs"),
    case("rbf", (84,), out_features=10, output=(10,), fixed=840, connections=840, macs=840, units=10, windows=None,
         label="Euclidean RBF", working={"fixed": "84·10", "connections": "84·10"},
         why="LeNet-5's output layer (LeCun et al. 1998, Sec. II-B): ten bitmaps of 7·12 = 84 pixels, set by hand and "
         "never trained; no bias, so 84·10 = 840 connections; a squared difference is one multiply-accumulate"),
    case("rbf", (84,), out_features=10, trainable=True, output=(10,), parameters=840, connections=840, macs=840,
         units=10, windows=None, why="trained, the 84·10 = 840 codes are parameters"),
    case("rbf", (4,), out_features=2, codes=["#. .#", "####"], output=(2,), fixed=8, connections=8, macs=8, units=2,
         windows=None, why="codes of 2·2 pixels, spaces left out: 4·2 = 8 fixed values"),
    case("embedding", (16,), num_embeddings=10_000, embedding_dim=128, output=(16, 128), parameters=1_280_000,
         connections=None, units=2_048, windows=None, label="embedding of 10,000",
         why="a table of 10,000·128 = 1,280,000 parameters; a look-up multiplies nothing, and no line into a unit "
         "carries a weight, so connections are not covered; 16·128 = 2,048 units"),
    case("embedding", (3, 8), num_embeddings=4, embedding_dim=5, output=(3, 8, 5), parameters=20, connections=None,
         units=120, windows=None, why="any number of axes of tokens: each becomes a vector; 4·5 = 20 parameters"),
]  # fmt: skip

WRONG = [
    wrong("linear", (16, 5, 5), out_features=120, at=0,
          message="takes a vector or (positions, features), got (16, 5, 5); put a `flatten` layer before it"),
    wrong("linear", (120,), (84,), out_features=10,
          message="takes 1 input, not 2; join them first with a `concat` or an `add` layer"),
    wrong("linear", out_features=-1, blamed="out_features",
          message="`out_features`: expected a positive integer, got -1"),
    wrong("linear", out_features=10**10, blamed="out_features",
          message="`out_features`: expected a positive integer up to 1,000,000,000, got 10000000000"),
    wrong("linear", out_features=84.0, blamed="out_features",
          message="`out_features`: expected a positive integer, got 84.0"),
    wrong("linear", out_feature=84, blamed="out_feature",
          message="unknown option `out_feature`; did you mean `out_features`?"),
    wrong("rbf", (7, 12), out_features=10, at=0,
          message="takes a vector, got (7, 12); put a `flatten` layer before it"),
    wrong("rbf", out_features=3, codes=["##", ".."], blamed="codes",
          message="2 codes for `out_features: 3`; give one code a unit"),
    wrong("rbf", out_features=2, codes=["##", ".x"], blamed="codes",
          message="code 1 has the character `x`; a code is made of `#` and `.`"),
    wrong("rbf", (3,), out_features=2, codes=["##.", ".."], blamed="codes", at=0,
          message="code 1 has 2 values for 3 inputs"),
    wrong("embedding", num_embeddings=0, embedding_dim=4, blamed="num_embeddings",
          message="`num_embeddings`: expected a positive integer, got 0"),
]  # fmt: skip
