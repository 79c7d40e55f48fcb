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
    case("multihead_attention", (16, 64), num_heads=8, causal=True, output=(16, 64), parameters=16_640,
         connections=266_240, macs=294_912, units=1_024, windows=None, label="causal attention, 8 heads",
         why="a causal mask takes nothing off: 4·(64 + 1)·64 = 16,640 parameters, 16,640·16 = 266,240 connections, "
         "4·64·64·16 + 2·16·16·64 = 294,912 MACs, as PyTorch's kernels work out the whole product"),
    case("multihead_attention", (6, 16), (5, 16), (5, 16), (4, 6, 5), num_heads=4, output=(6, 16), parameters=1_088,
         connections=5_984, macs=6_592, units=96, windows=None,
         why="a mask holds nothing and costs no product: 4·(16 + 1)·16 = 1,088 parameters, "
         "2·17·16·6 + 2·17·16·5 = 5,984 connections, 2·16·16·6 + 2·16·16·5 + 2·6·5·16 = 6,592 MACs"),
    case("multihead_attention", (10, 32), num_heads=8, num_kv_heads=2, bias=False, output=(10, 32), parameters=2_560,
         connections=25_600, macs=32_000, units=320, windows=None, label="attention, 8 heads on 2",
         formula={"macs": "e·h·d·l + k·g·d·s + v·g·d·s + h·d·e·l + 2·l·s·h·d"},
         why="grouped queries (Ainslie et al. 2023): eight heads of 32/8 = 4 features for queries, two for keys and "
         "values: 32·32 + 2·32·8 + 32·32 = 2,560 parameters, 2,560·10 = 25,600 connections, all of them MACs; "
         "with 2·10·10·32 = 6,400 for the products 25,600 + 6,400 = 32,000"),
    case("multihead_attention", (6, 16), num_heads=4, bias=["query", "value"], output=(6, 16), parameters=1_056,
         connections=6_336, macs=7_296, units=96, windows=None,
         why="two of four projections have a bias: 4·16·16 + 2·16 = 1,056 parameters, 1,056·6 = 6,336 connections; "
         "4·16·16·6 + 2·6·6·16 = 7,296 MACs"),
    case("multihead_attention", (6, 16), (5, 12), (5, 10), num_heads=2, head_dim=5, bias=False, output=(6, 16),
         parameters=540, connections=3_020, macs=3_620, units=96, windows=None,
         why="two heads of five features, though 16/2 = 8: 16·10 + 12·10 + 10·10 + 10·16 = 540 parameters, "
         "16·10·6 + 12·10·5 + 10·10·5 + 10·16·6 = 3,020 connections, all of them MACs; with 2·6·5·10 = 600 for the "
         "products 3,020 + 600 = 3,620"),
    case("multihead_attention", (6, 16), num_heads=4, add_bias_kv=True, output=(6, 16), parameters=1_120,
         connections=6_528, macs=7_488, units=96, windows=None,
         why="a learned key and a learned value behind the six: 4·(16 + 1)·16 + 2·16 = 1,120 parameters, "
         "4·17·16·6 = 6,528 connections; 4·16·16·6 + 2·6·7·16 = 7,488 MACs"),
    case("multihead_attention", (6, 16), num_heads=4, bias=False, causal=True, add_bias_kv=True, add_zero_attn=True,
         output=(6, 16), parameters=1_056, connections=6_144, macs=7_680, units=96, windows=None,
         why="and a key and a value of zeros behind that: 4·16·16 + 2·16 = 1,056 parameters, 4·16·16·6 = 6,144 "
         "connections; 4·16·16·6 + 2·6·8·16 = 7,680 MACs"),
    case("multihead_attention", (6, 16), num_heads=4, dropout=0.1, output=(6, 16), parameters=1_088,
         connections=6_528, macs=7_296, units=96, windows=None,
         why="dropout takes no parameter and no product: 4·(16 + 1)·16 = 1,088, 4·17·16·6 = 6,528 connections, "
         "4·16·16·6 + 2·6·6·16 = 7,296 MACs"),
    case("scaled_dot_product_attention", (8, 16, 32), (8, 16, 32), (8, 16, 32), is_causal=True, output=(8, 16, 32),
         macs=131_072, windows=None, label="causal dot-product attention", formula={"macs": "h·l·s·2·e"},
         why="eight heads compare 16 queries with 16 keys of 32 features and add up as many values: "
         "8·16·16·2·32 = 131,072 MACs, what is masked included"),
    case("scaled_dot_product_attention", (4, 6, 8), (2, 5, 8), (2, 5, 10), (6, 5), enable_gqa=True, scale=0.5,
         dropout_p=0.1, output=(4, 6, 10), macs=2_160, windows=None, label="dot-product attention",
         why="four heads of queries on two of keys and values; each of the four has 6·5·8 = 240 MACs for scores and "
         "6·5·10 = 300 for the sum of values: 4·(240 + 300) = 2,160"),
    case("rotary", (8, 16, 64), rotary_dim=32, base=500_000, interleaved=True, output=(8, 16, 64), windows=None,
         label="rotary positions", why="pairs of features are turned where they are; nothing is held, and no product "
         "is one of matrices"),
    case("rotary", (4, 6, 8), output=(4, 6, 8), windows=None, label="rotary positions",
         why="the two halves of the features of 4 heads are turned where they are; nothing is held"),
    case("sinusoidal_positions", (16, 64), max_len=20, base=1_000, output=(16, 64), fixed=1_280, units=1_024,
         windows=None, label="sinusoidal positions",
         why="a table of 20 positions, of which 16 are read: 20·64 = 1,280 fixed values, none trained; what is added "
         "is no weighted line"),
    case("rnn", (10, 16), hidden_size=32, nonlinearity="relu", outputs=((10, 32), (1, 32)), parameters=1_600,
         connections=16_000, macs=15_360, units=320, windows=None, label="RNN", formula={"macs": "(c + h)·1·h·t"},
         why="one gate: (16 + 32 + 2)·32 = 1,600 parameters, 1,600·10 = 16,000 connections, "
         "(16 + 32)·32·10 = 15,360 MACs"),
    case("rnn", (10, 16), (4, 8), hidden_size=8, num_layers=2, bidirectional=True, bias=False, dropout=0.5,
         outputs=((10, 16), (4, 8)), parameters=768, connections=7_680, macs=7_680, units=320, windows=None,
         label="RNN ×2, bidirectional",
         why="2·(16 + 8)·8 = 384 parameters below, and above, where 16 states of two directions are read, "
         "2·(16 + 8)·8 = 384: 768 parameters, 768·10 = 7,680 connections and MACs; 2·16·10 = 320 units, "
         "of both layers; states to begin with hold nothing"),
    case("lstm", (10, 16), hidden_size=32, proj_size=8, outputs=((10, 8), (1, 8), (1, 32)), parameters=3_584,
         connections=35_840, macs=33_280, units=80, windows=None, label="LSTM",
         formula={"macs": "(c + p)·4·h·t + h·p·t"},
         why="states are projected to 8 (Sak et al. 2014): (16 + 8 + 2)·4·32 + 32·8 = 3,584 parameters, "
         "3,584·10 = 35,840 connections, ((16 + 8)·4·32 + 32·8)·10 = 33,280 MACs; cells stay 32 long"),
    case("lstm", (10, 16), (2, 8), (2, 32), hidden_size=32, proj_size=8, num_layers=2, dropout=0.1,
         outputs=((10, 8), (2, 8), (2, 32)), parameters=6_144, connections=61_440, macs=56_320, units=160, windows=None,
         why="the layer above reads 8 projected states: 3,584 + (8 + 8 + 2)·4·32 + 32·8 = 6,144 parameters, "
         "6,144·10 = 61,440 connections; 33,280 + ((8 + 8)·4·32 + 32·8)·10 = 56,320 MACs; 2·8·10 = 160 units"),
    case("gru", (10, 16), (2, 8), hidden_size=8, num_layers=2, dropout=0.1, outputs=((10, 8), (2, 8)),
         parameters=1_056, connections=10_560, macs=9_600, units=160, windows=None,
         why="(16 + 8 + 2)·3·8 + (8 + 8 + 2)·3·8 = 1,056 parameters, 1,056·10 = 10,560 connections, "
         "((16 + 8)·3·8 + (8 + 8)·3·8)·10 = 9,600 MACs; 2·8·10 = 160 units"),
    case("relative_position_bias", num_heads=3, window=[7, 7], output=(3, 49, 49), parameters=507, connections=7_203,
         units=7_203, windows=None, label="relative positions 7×7", working={"parameters": "3·(2·7 − 1)·(2·7 − 1)"},
         formula={"parameters": "h·(2·m₁ − 1)·(2·m₂ − 1)"},
         why="Swin-T's first stage (Liu et al. 2021): two places of a 7 by 7 window are -6 to 6 apart along each axis, "
         "(2·7 − 1)·(2·7 − 1) = 169 offsets, for each of three heads a value: 169·3 = 507 parameters; "
         "each of 3·49·49 = 7,203 scores is given one"),
    case("relative_position_bias", num_heads=2, window=[2, 3], class_token=True, output=(2, 7, 7), parameters=36,
         connections=98, units=98, windows=None,
         why="BEiT (Bao et al. 2021) has a class token in front of 2·3 = 6 patches, and three rows for it: to it, from "
         "it, and to itself: (2·2 − 1)·(2·3 − 1) + 3 = 18 rows, 18·2 = 36 parameters; 2·7·7 = 98 scores"),
    case("relative_position_bias", num_heads=8, num_buckets=32, length=12, output=(8, 12, 12), parameters=256,
         connections=1_152, units=1_152, windows=None, label="relative positions in 32 buckets",
         formula={"parameters": "h·b", "connections": "h·l·l"},
         why="T5 small (Raffel et al. 2020): 32 buckets for 8 heads, 32·8 = 256 parameters; 8·12·12 = 1,152 scores"),
    case("relative_position_bias", num_heads=2, num_buckets=6, max_distance=20, bidirectional=False, length=5,
         key_length=9, output=(2, 5, 9), parameters=12, connections=90, units=90, windows=None,
         why="a decoder's: 6·2 = 12 parameters; 5 queries on 9 keys, 2·5·9 = 90 scores"),
    case("relative_position_bias", num_heads=4, window=[5], output=(4, 5, 5), parameters=36, connections=100, units=100,
         windows=None, formula={"parameters": "h·(2·m − 1)"},
         why="along one axis: (2·5 − 1)·4 = 36 parameters, 4·5·5 = 100 scores"),
    case("attention_mask", length=6, causal=True, output=(6, 6), windows=None, label="causal mask",
         why="0 where a query looks back and −∞ where it would look ahead: 6·6 = 36 values, none of them learned"),
    case("attention_mask", length=7, key_length=5, sliding_window=3, output=(7, 5), windows=None, label="mask of 3",
         why="each of 7 queries sees the keys at most 2 away: the last, at 6, sees the one at 4: 7·5 = 35 values"),
    case("attention_mask", length=6, causal=True, sliding_window=2, output=(6, 6), windows=None,
         label="causal mask of 2", why="each query sees itself and the one before: 6·6 = 36 values"),
    case("attention_mask", grid=[4, 6], window=[2, 3], shift=[1, 1], output=(4, 6, 6), windows=None,
         label="mask of shifted windows 2×3",
         why="a grid of 4 by 6 is 4·6/(2·3) = 4 windows of 2·3 = 6 positions each"),
    case("rnn_cell", (16,), (32,), hidden_size=32, nonlinearity="relu", output=(32,), parameters=1_600,
         connections=1_600, macs=1_536, units=32, windows=None, label="RNN cell",
         why="one step: (16 + 32 + 2)·32 = 1,600 parameters, each one connection; (16 + 32)·32 = 1,536 MACs"),
    case("rnn_cell", (16,), hidden_size=32, bias=False, output=(32,), parameters=1_536, connections=1_536, macs=1_536,
         units=32, windows=None,
         why="without biases, from a state of 0, which is multiplied all the same: (16 + 32)·32 = 1,536 parameters, "
         "connections and MACs"),
    case("lstm_cell", (16,), (32,), (32,), hidden_size=32, outputs=((32,), (32,)), parameters=6_400,
         connections=6_400, macs=6_144, units=32, windows=None, label="LSTM cell", formula={"macs": "(c + h)·4·h"},
         why="four gates: (16 + 32 + 2)·4·32 = 6,400 parameters, each one connection; (16 + 32)·4·32 = 6,144 MACs"),
    case("lstm_cell", (16,), hidden_size=32, bias=False, outputs=((32,), (32,)), parameters=6_144, connections=6_144,
         macs=6_144, units=32, windows=None,
         why="(16 + 32)·4·32 = 6,144 parameters, connections and MACs"),
    case("gru_cell", (16,), (32,), hidden_size=32, output=(32,), parameters=4_800, connections=4_800, macs=4_608,
         units=32, windows=None, label="GRU cell",
         why="three gates: (16 + 32 + 2)·3·32 = 4,800 parameters, each one connection; (16 + 32)·3·32 = 4,608 MACs"),
    case("gru_cell", (16,), hidden_size=32, bias=False, output=(32,), parameters=4_608, connections=4_608, macs=4_608,
         units=32, windows=None, why="(16 + 32)·3·32 = 4,608 parameters, connections and MACs"),
    case("lstm", (10, 16), hidden_size=32, outputs=((10, 32), (1, 32), (1, 32)), parameters=6_400, connections=64_000,
         macs=61_440, units=320, windows=None, label="LSTM", working={"parameters": "(16 + 32 + 1 + 1)·4·32"},
         formula={"macs": "(c + h)·4·h·t"},
         why="four gates of 32 units, each reading 16 inputs, 32 states and, in PyTorch, two biases: "
         "(16 + 32 + 2)·4·32 = 6,400 parameters, at 10 positions 6,400·10 = 64,000 connections; "
         "(16 + 32)·4·32·10 = 61,440 MACs. It gives all states, the last one and the last cell"),
    case("lstm", (10, 16), hidden_size=32, num_layers=2, bidirectional=True,
         outputs=((10, 64), (4, 32), (4, 32)), parameters=37_888, connections=378_880, macs=368_640, units=1_280,
         windows=None, label="LSTM ×2, bidirectional",
         why="two directions: 2·(16 + 32 + 2)·4·32 = 12,800 parameters below; the layer above reads both, 64 states: "
         "2·(64 + 32 + 2)·4·32 = 25,088; 12,800 + 25,088 = 37,888 parameters, 37,888·10 = 378,880 connections, "
         "(2·48·4·32 + 2·96·4·32)·10 = 368,640 MACs; 2·64·10 = 1,280 units; 2·2 = 4 last states"),
    case("lstm", (10, 16), hidden_size=32, bias=False, outputs=((10, 32), (1, 32), (1, 32)), parameters=6_144,
         connections=61_440, macs=61_440, units=320, windows=None,
         why="(16 + 32)·4·32 = 6,144 parameters, 6,144·10 = 61,440 connections, all of them MACs"),
    case("gru", (10, 16), hidden_size=32, outputs=((10, 32), (1, 32)), parameters=4_800, connections=48_000,
         macs=46_080, units=320, windows=None, label="GRU",
         why="three gates: (16 + 32 + 2)·3·32 = 4,800 parameters, 4,800·10 = 48,000 connections, "
         "(16 + 32)·3·32·10 = 46,080 MACs; no cell"),
    case("gru", (10, 16), hidden_size=32, num_layers=2, bias=False, outputs=((10, 32), (2, 32)), parameters=10_752,
         connections=107_520, macs=107_520, units=640, windows=None, label="GRU ×2",
         why="the second layer reads 32 states: (16 + 32)·3·32 + (32 + 32)·3·32 = 10,752 parameters, "
         "10,752·10 = 107,520 connections and MACs; 2·32·10 = 640 units"),
    case("gru", (7, 3), hidden_size=2, bidirectional=True, outputs=((7, 4), (2, 2)), parameters=84, connections=588,
         macs=420, units=28, windows=None, label="GRU, bidirectional",
         why="2·(3 + 2 + 2)·3·2 = 84 parameters, 84·7 = 588 connections, 2·(3 + 2)·3·2·7 = 420 MACs; both directions "
         "side by side, 2·2 = 4 features"),
]  # fmt: skip

WRONG = [
    wrong("multihead_attention", (64,), num_heads=8, at=0,
          message="takes (positions, features), got 64; put an `embedding` before it if these are 64 tokens, "
          "else a `reshape` to (positions, features)"),
    wrong("multihead_attention", (16, 64), (3, 8, 8), num_heads=8, at=1,
          message="takes (positions, features), got 3×8×8; an image is no sequence: put "
          "`{type: reshape, shape: [24, 8]}` before it, and each row is a position"),
    wrong("multihead_attention", (16, 64), (5, 8), (8,), num_heads=8, at=2,
          message="takes (positions, features), got 8; put an `embedding` before it if these are 8 tokens, "
          "else a `reshape` to (positions, features)"),
    wrong("multihead_attention", (16, 64), num_heads=6, blamed="num_heads", at=0,
          message="`num_heads: 6` does not divide the 64 features; use a divisor of 64"),
    wrong("multihead_attention", (6, 16), (5, 12), (4, 12), num_heads=4, at=2, message="5 keys but 4 values"),
    wrong("multihead_attention", *[(6, 16)] * 5, num_heads=4, message="takes 1 to 4 inputs, not 5"),
    wrong("multihead_attention", *[(6, 16)] * 4, num_heads=4, at=3,
          message="a mask of 6×16 does not fit scores of 4×6×6, (heads, queries, keys); give the last extents "
          "of the scores; an extent of 1 is repeated"),
    wrong("multihead_attention", *[(6, 16)] * 3, (6, 6), num_heads=4, causal=True, blamed="causal", at=3,
          message="`causal: true` beside a mask; leave `causal` out, with −∞ in the mask for what comes later"),
    wrong("multihead_attention", (6, 16), num_heads=4, num_kv_heads=2, add_zero_attn=True, blamed="add_zero_attn",
          message="`add_zero_attn: true` with heads of another width, fewer heads of keys or some of the biases; "
          "PyTorch has it for heads that share the features alone, with all biases or none"),
    wrong("multihead_attention", (6, 16), num_heads=4, num_kv_heads=2, dropout=0.1, blamed="dropout",
          message="`dropout: 0.1` with heads of another width, fewer heads of keys or some of the biases; "
          "PyTorch has it for heads that share the features alone, with all biases or none"),
    wrong("multihead_attention", num_heads=8, num_kv_heads=3, blamed="num_kv_heads",
          message="`num_kv_heads: 3` does not divide the 8 heads; use a divisor of 8"),
    wrong("multihead_attention", num_heads=8, bias=["queries"], blamed="bias",
          message="`bias`: expected one of query, key, value, output, got 'queries'; did you mean `query`?"),
    wrong("scaled_dot_product_attention", (6, 8), (6, 8), message="takes 3 to 4 inputs, not 2"),
    wrong("scaled_dot_product_attention", (4, 6, 8), (6, 8), (6, 8), at=1,
          message="takes (…, positions, features), as many axes in each, got 6×8; give it 3 axes, as the queries "
          "have"),
    wrong("scaled_dot_product_attention", (6, 8), (6, 7), (6, 7), at=1,
          message="queries of 8 features but keys of 7"),
    wrong("scaled_dot_product_attention", (6, 8), (6, 8), (5, 8), at=2,
          message="keys 6×8 but values 5×8; all their extents but the last must be equal"),
    wrong("scaled_dot_product_attention", (4, 6, 8), (2, 6, 8), (2, 6, 8), at=1,
          message="queries have the leading axes 4, keys 2; write `enable_gqa: true` for grouped queries"),
    wrong("scaled_dot_product_attention", (4, 6, 8), (3, 6, 8), (3, 6, 8), enable_gqa=True, at=1,
          message="queries have the leading axes 4, keys 3; the leading axes must be equal"),
    wrong("scaled_dot_product_attention", *[(6, 8)] * 3, (6, 6), is_causal=True, blamed="is_causal", at=3,
          message="`is_causal: true` beside a mask; leave `is_causal` out, with −∞ in the mask for what comes later"),
    wrong("rotary", (64,), at=0, message="takes (…, positions, features), got 64"),
    wrong("rotary", (6, 7), at=0, message="7 features: positions need pairs; use an even number"),
    wrong("rotary", (6, 8), rotary_dim=3, blamed="rotary_dim", at=0,
          message="`rotary_dim: 3`: positions need pairs; use an even number"),
    wrong("rotary", (6, 8), rotary_dim=10, blamed="rotary_dim", at=0,
          message="`rotary_dim: 10` is more than the 8 features"),
    wrong("sinusoidal_positions", (3, 8, 8), at=0,
          message="takes (positions, features), got 3×8×8; an image is no sequence: put "
          "`{type: reshape, shape: [24, 8]}` before it, and each row is a position"),
    wrong("sinusoidal_positions", (6, 8), max_len=5, blamed="max_len", at=0,
          message="`max_len: 5` is less than the 6 positions; use 6 or more"),
    wrong("rnn", (16,), hidden_size=32, at=0,
          message="takes (positions, features), got 16; put an `embedding` before it if these are 16 tokens, "
          "else a `reshape` to (positions, features)"),
    wrong("rnn", (10, 16), (2, 8), hidden_size=8, at=1,
          message="takes `hidden` of 1×8 to begin with, got 2×8"),
    wrong("rnn", hidden_size=8, dropout=0.5, blamed="dropout",
          message="`dropout: 0.5` drops nothing with one layer; put a `dropout` layer after it; this one acts between "
          "layers"),
    wrong("lstm", (10, 16), (1, 8), hidden_size=8, at=1,
          message="takes hidden and cell to begin with, or neither, got 1×8 alone"),
    wrong("lstm", (10, 16), (1, 8), (1, 7), hidden_size=8, at=2,
          message="takes `cell` of 1×8 to begin with, got 1×7"),
    wrong("lstm", hidden_size=8, proj_size=8, blamed="proj_size",
          message="`proj_size: 8` is not below the 8 units; use 7 or less"),
    wrong("rnn_cell", (10, 16), hidden_size=8, at=0,
          message="takes a vector, got 10×16; a layer over all positions is the type without `_cell`"),
    wrong("gru_cell", (16,), (4,), hidden_size=8, at=1, message="takes `hidden` of 8 to begin with, got 4"),
    wrong("lstm_cell", (16,), (8,), hidden_size=8, at=1,
          message="takes hidden and cell to begin with, or neither, got 8 alone"),
    wrong("lstm", (16,), hidden_size=32, at=0,
          message="takes (positions, features), got 16; put an `embedding` before it if these are 16 tokens, "
          "else a `reshape` to (positions, features)"),
    wrong("gru", (3, 8, 8), hidden_size=32, at=0,
          message="takes (positions, features), got 3×8×8; an image is no sequence: put "
          "`{type: reshape, shape: [24, 8]}` before it, and each row is a position"),
    wrong("lstm", hidden_size=32, num_layers=0, blamed="num_layers",
          message="`num_layers`: expected a positive integer, got 0"),
    wrong("gru", hidden_size=32, cell=1, blamed="cell",
          message="unknown option `cell`; options: hidden_size, num_layers, bias, dropout, bidirectional"),
    wrong("relative_position_bias", num_heads=2, blamed="window",
          message="states neither `window` nor `num_buckets`; write `window: [7, 7]` for offsets in a window, or "
          "`num_buckets: 32` and `length` for distances"),
    wrong("relative_position_bias", num_heads=2, window=[7, 7], num_buckets=32, length=4, blamed="window",
          message="states both `window` and `num_buckets`; write `window: [7, 7]` for offsets in a window, or "
          "`num_buckets: 32` and `length` for distances"),
    wrong("relative_position_bias", num_heads=2, window=[7, 7], length=49, blamed="length",
          message="`length` beside `window`; leave it out: the window says it"),
    wrong("relative_position_bias", num_heads=2, window=[2, 2, 2, 2], blamed="window",
          message="`window` has 4 axes; positions lie along one to three axes"),
    wrong("relative_position_bias", num_heads=2, num_buckets=32, blamed="length",
          message="`num_buckets` without `length`; say how many queries there are"),
    wrong("relative_position_bias", num_heads=2, num_buckets=32, length=4, class_token=True, blamed="class_token",
          message="`class_token` beside `num_buckets`; it stands before a window"),
    wrong("relative_position_bias", num_heads=2, num_buckets=2, length=4, blamed="num_buckets",
          message="`num_buckets: 2` leaves no bucket for far distances; use 4 or more"),
    wrong("relative_position_bias", num_heads=2, num_buckets=32, max_distance=8, length=4, blamed="max_distance",
          message="`max_distance: 8` leaves no bucket for far distances; use more than 8"),
    wrong("relative_position_bias", (4, 8), num_heads=2, window=[2],
          message="takes 0 inputs, not 1; it reads nothing: leave `from` out"),
    wrong("attention_mask", length=6, blamed="causal",
          message="hides nothing; write `causal: true`, a `sliding_window`, or both"),
    wrong("attention_mask", causal=True, blamed="length",
          message="states no `length`; say how many queries there are"),
    wrong("attention_mask", length=9, key_length=5, sliding_window=4, blamed="sliding_window",
          message="`sliding_window: 4` hides all 5 keys from query 8; use 5 or more"),
    wrong("attention_mask", grid=[4, 4], window=[2, 2], blamed="shift",
          message="`shift` is missing; shifted windows take all three of `grid`, `window` and `shift`"),
    wrong("attention_mask", grid=[4, 4], window=[2, 2], shift=[1, 1], causal=True, blamed="causal",
          message="`causal` beside `grid`; leave it out: the windows say what is seen"),
    wrong("attention_mask", grid=[4, 4], window=[2], shift=[1, 1], blamed="window",
          message="`window` has 1 axes and `grid` 2"),
    wrong("attention_mask", grid=[4, 5], window=[2, 2], shift=[1, 1], blamed="window",
          message="a grid of 4×5 is not cut by windows of 2×2; use a divisor of each extent"),
    wrong("attention_mask", grid=[4, 4], window=[2, 2], shift=[2, 1], blamed="shift",
          message="a shift of 2 is no less than the window of 2; Swin shifts by half a window"),
    wrong("attention_mask", grid=[4, 4], window=[2, 2], shift=[0, 0], blamed="shift",
          message="hides nothing; leave the mask out where windows are not shifted"),
    wrong("attention_mask", grid=[4, 4, 4, 4], window=[2, 2, 2, 2], shift=[1, 1, 1, 1], blamed="grid",
          message="`grid` has 4 axes; positions lie along one to three axes"),
]  # fmt: skip
