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
    case("linear", (3, 5, 12), out_features=7, every_position=True, output=(3, 5, 7), parameters=91, connections=1_365,
         macs=1_260, units=105, windows=None, formula={"macs": "c·n·3·5"},
         why="three windows of five positions: (12 + 1)·7 = 91 parameters at 3·5 = 15 places, 91·15 = 1,365 "
         "connections, 12·7·15 = 1,260 MACs"),
    case("bilinear", (3,), (4,), out_features=5, output=(5,), parameters=65, connections=65, macs=80, units=5,
         windows=None, label="bilinear", formula={"macs": "c₁·c₂·n + c₂·n", "parameters": "(c₂·c₁ + 1)·n"},
         why="five units, each with a matrix of 3·4 = 12 weights and a bias: (3·4 + 1)·5 = 65 parameters and "
         "connections; 3·4·5 = 60 MACs make 4 values a unit of the first input, 4·5 = 20 join them with the second: "
         "60 + 20 = 80"),
    case("bilinear", (6, 3), (6, 4), out_features=5, bias=False, output=(6, 5), parameters=60, connections=360,
         macs=480, units=30, windows=None,
         why="at six positions: 3·4·5 = 60 parameters, 60·6 = 360 connections, (3·4·5 + 4·5)·6 = 480 MACs"),
    case("embedding_bag", (6,), num_embeddings=50, embedding_dim=8, output=(8,), parameters=400, connections=None,
         units=8, windows=None, label="mean of embeddings of 50",
         why="50·8 = 400 parameters; six vectors are looked up and their mean is taken, no product among it"),
    case("embedding_bag", (6,), (6,), num_embeddings=50, embedding_dim=8, mode="sum", output=(8,), parameters=400,
         connections=None, macs=48, units=8, windows=None,
         why="50·8 = 400 parameters; a sum of six vectors, each times a weight that is given: 6·8 = 48 MACs"),
    case("mixture_of_experts", (6, 12), num_experts=4, top_k=2, hidden_features=10, output=(6, 12), parameters=1_488,
         connections=4_608, macs=4_608, units=72, windows=None, label="4 experts, 2 active",
         formula={"macs": "(c·n + a·3·c·m)·l"},
         why="held: a router of 12·4 = 48 and four experts of 3·12·10 = 360: 48 + 4·360 = 1,488 parameters; run at "
         "each of six positions: the router and two experts, (48 + 2·360)·6 = 4,608 MACs and connections"),
    case("mixture_of_experts", (4,), num_experts=2, top_k=2, hidden_features=5, output=(4,), parameters=128,
         connections=128, macs=128, units=4, windows=None,
         why="all experts run: a router of 4·2 = 8 and two experts of 3·4·5 = 60, (4 + 3·4·5)·2 = 128 parameters, "
             "each of them a line and a MAC, 4·2 + 2·3·4·5 = 128"),
    case("mixture_of_experts", (12,), num_experts=4, top_k=1, hidden_features=10, gated=False, nonlinearity="gelu",
         output=(12,), parameters=1_008, connections=288, macs=288, units=12, windows=None,
         why="experts of two dense layers, 2·12·10 = 240: 48 + 4·240 = 1,008 parameters held; one of four runs, "
         "48 + 240 = 288 MACs and connections"),
    case("mixture_of_experts", (6, 12), num_experts=4, top_k=2, hidden_features=10, num_shared_experts=1, bias=True,
         router_bias=True, output=(6, 12), parameters=2_012, connections=7_368, macs=6_768, units=72, windows=None,
         label="4 experts, 2 active, 1 shared",
         why="one more runs everywhere, and all add constants: a router of 12·4 + 4 = 52 and five experts of "
         "3·12·10 + 10 + 10 + 12 = 392, 52 + 5·392 = 2,012 parameters; at each position the router and three experts "
         "run, (52 + 3·392)·6 = 7,368 connections, of which (48 + 3·360)·6 = 6,768 multiply"),
    case("mixture_of_experts", (12,), num_experts=4, top_k=1, hidden_features=10, gated=False, num_shared_experts=2,
         bias=True, output=(12,), parameters=1_608, connections=822, macs=768, units=12, windows=None,
         formula={"macs": "c·n + (a + s)·2·c·m"},
         why="two shared experts are one network of 2·10 = 20 hidden values: 2·12·20 + 20 + 12 = 512; four chosen ones "
         "of 2·12·10 + 10 + 12 = 262: 48 + 4·262 + 512 = 1,608 parameters; 48 + 262 + 512 = 822 connections; "
         "48 + 240 + 480 = 768 MACs"),
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
    case("parameter", shape=[197, 768], output=(197, 768), parameters=151_296, connections=151_296, units=151_296,
         windows=None, label="parameter", working={"parameters": "768·197"},
         why="the positions of ViT-B/16: 14·14 + 1 = 197 vectors of 768 values, 768·197 = 151,296, each a unit with "
         "a constant line alone"),
    case("constant", shape=[64], output=(64,), windows=None, label="zeros",
         why="zeros that the code makes, held by nobody"),
    case("constant", shape=[4, 7, 7], value=-0.5, output=(4, 7, 7), windows=None, label="all −0.5",
         why="a map of one number, made and not held"),
    case("parameter", shape=[64], output=(64,), parameters=64, connections=64, units=64, windows=None,
         why="a vector of 1·64 = 64 values"),
]  # fmt: skip

WRONG = [
    wrong("constant", (64,), shape=[64], message="takes 0 inputs, not 1; it reads nothing: leave `from` out"),
    wrong("constant", shape=[4, 0], blamed="shape", message="`shape`: expected a positive integer, got 0"),
    wrong("parameter", (64,), shape=[64], message="takes 0 inputs, not 1; it reads nothing: leave `from` out"),
    wrong("parameter", shape=[4, 0], blamed="shape", message="`shape`: expected a positive integer, got 0"),
    wrong("linear", (16, 5, 5), out_features=120, at=0,
          message="takes a vector or (positions, features), got 16×5×5; put a `flatten` layer before it, or write "
          "`every_position: true` if the last axis are features"),
    wrong("bilinear", (3,), out_features=5, message="takes 2 inputs, not 1"),
    wrong("bilinear", (2, 6, 3), (2, 6, 3), out_features=5, at=0,
          message="takes two vectors or (positions, features), got 2×6×3 and 2×6×3"),
    wrong("bilinear", (6, 3), (5, 3), out_features=5, at=1,
          message="takes two vectors or (positions, features), got 6×3 and 5×3; give both the same positions"),
    wrong("embedding_bag", (2, 6), num_embeddings=50, embedding_dim=8, at=0, message="takes (tokens,), got 2×6"),
    wrong("embedding_bag", (6,), (6,), num_embeddings=50, embedding_dim=8, blamed="mode", at=1,
          message="`mode: mean` takes no weights; use `mode: sum`"),
    wrong("embedding_bag", (6,), (5,), num_embeddings=50, embedding_dim=8, mode="sum", at=1,
          message="5 weights for 6 tokens"),
    wrong("mixture_of_experts", num_experts=4, top_k=5, hidden_features=10, blamed="top_k",
          message="`top_k: 5` of 4 experts; use 4 or less"),
    wrong("mixture_of_experts", (3, 8, 8), num_experts=4, top_k=2, hidden_features=10, at=0,
          message="takes a vector or (positions, features), got 3×8×8; put a `flatten` layer before it"),
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
          message="takes a vector, got 7×12; put a `flatten` layer before it"),
    wrong("rbf", out_features=3, codes=["##", ".."], blamed="codes",
          message="2 codes for `out_features: 3`; give one code a unit"),
    wrong("rbf", out_features=2, codes=["##", ".x"], blamed="codes",
          message="code 1 has the character `x`; a code is made of `#` and `.`"),
    wrong("rbf", (3,), out_features=2, codes=["##.", ".."], blamed="codes", at=0,
          message="code 1 has 2 values for 3 inputs"),
    wrong("embedding", num_embeddings=0, embedding_dim=4, blamed="num_embeddings",
          message="`num_embeddings`: expected a positive integer, got 0"),
]  # fmt: skip
