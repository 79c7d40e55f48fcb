"""Convolutions and transposed convolutions, by hand."""

from __future__ import annotations

from tests.layers.layer_case import case, wrong

TABLE_I = [
    [0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5], [4, 5, 0], [5, 0, 1],
    [0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5], [3, 4, 5, 0], [4, 5, 0, 1], [5, 0, 1, 2],
    [0, 1, 3, 4], [1, 2, 4, 5], [0, 2, 3, 5], [0, 1, 2, 3, 4, 5],
]  # fmt: skip

CASES = [
    case(
        "conv2d", (1, 32, 32), out_channels=6, kernel_size=5,
        output=(6, 28, 28), parameters=156, connections=122_304, macs=117_600, units=4_704,
        windows=((5, 1, 0, 1), (5, 1, 0, 1)), label="conv 5×5",
        working={"parameters": "(5·5·1 + 1)·6", "connections": "(5·5·1 + 1)·28·28·6", "macs": "5·5·1·28·28·6",
                 "units": "28·28·6"},
        formula={"parameters": "(k·k·c + 1)·n", "connections": "(k·k·c + 1)·h·w·n"},
        why="LeNet-5's C1 (LeCun et al. 1998, Sec. II-B): 32 − 5 + 1 = 28 positions a side; "
        "(5·5·1 + 1)·6 = 156 parameters, each used at 28·28 = 784 positions: 156·784 = 122,304 connections, of which "
        "5·5·28·28·6 = 117,600 multiply; 28·28·6 = 4,704 units",
    ),
    case(
        "conv2d", (1, 32, 32), out_channels=6, kernel_size=5, padding=2,
        output=(6, 32, 32), parameters=156, connections=159_744, connections_in_bounds=148_440,
        macs=153_600, macs_in_bounds=142_296, units=6_144, windows=((5, 1, 2, 1), (5, 1, 2, 1)),
        working={"connections": "(5·5·1 + 1)·32·32·6"},
        why="C1 with zero padding, as the course's slides ask: (5·5·1 + 1)·6 = 156 parameters, "
        "(5·5 + 1)·32·32·6 = 159,744 connections, 5·5·32·32·6 = 153,600 MACs. Along a side the outer positions "
        "lose 2 + 1 + 1 + 2 = 6 of their 5·32 = 160 taps: (160 − 6)·(160 − 6)·6 = 142,296 MACs meet pixels, and "
        "142,296 + 32·32·6 = 148,440 connections",
    ),
    case(
        "conv2d", (6, 14, 14), out_channels=16, kernel_size=5, connection_table=TABLE_I,
        output=(16, 10, 10), parameters=1_516, connections=151_600, macs=150_000, units=1_600,
        windows=((5, 1, 0, 1), (5, 1, 0, 1)),
        working={"parameters": "5·5·60 + 16", "connections": "(5·5·60 + 16)·10·10"},
        why="LeNet-5's C3 over Table I: 6·3 + 9·4 + 1·6 = 60 pairs of maps are connected, so 5·5·60 + 16 = 1,516 "
        "parameters; each at 10·10 = 100 positions: 1,516·100 = 151,600 connections, 5·5·60·10·10 = 150,000 MACs",
    ),
    case(
        "conv2d", (2, 4, 4), out_channels=2, kernel_size=3, padding=1, bias=False, connection_table=[[0], [0, 1]],
        output=(2, 4, 4), parameters=27, connections=432, connections_in_bounds=300, macs=432, macs_in_bounds=300,
        units=32, windows=((3, 1, 1, 1), (3, 1, 1, 1)),
        why="a connection table with padding and no bias: 1 + 2 = 3 pairs, 3·3·3 = 27 parameters, 27·4·4 = 432 "
        "connections and MACs; along a side 3·4 − 2 = 10 taps meet the input: 10·10·3 = 300",
    ),
    case(
        "conv2d", (1, 16, 16), out_channels=12, kernel_size=5, stride=2, padding=2, untie_biases=True,
        output=(12, 8, 8), parameters=1_068, connections=19_968, connections_in_bounds=17_196, macs=19_200,
        macs_in_bounds=16_428, units=768, windows=((5, 2, 2, 1), (5, 2, 2, 1)),
        working={"parameters": "(5·5·1 + 8·8)·12", "connections": "(5·5·1 + 1)·8·8·12"},
        formula={"parameters": "(k·k·c + h·w)·n"},
        why="H1 of LeCun et al. 1989: 8·8·12 = 768 units with a bias each and 12 kernels of 5·5·1: 300 + 768 = 1,068 "
        "parameters, (25 + 1)·768 = 19,968 connections, 25·768 = 19,200 MACs; along a side the first position loses "
        "2 taps and the last 1, so 37 of 5·8 = 40 meet the input: 37·37·12 = 16,428 MACs, "
        "and 16,428 + 768 = 17,196 connections",
    ),
    case(
        "conv2d", (12, 8, 8), out_channels=12, kernel_size=5, stride=2, padding=2, untie_biases=True,
        connection_table=[[(first + each) % 12 for each in range(8)] for first in range(12)],
        output=(12, 4, 4), parameters=2_592, connections=38_592, connections_in_bounds=27_936, macs=38_400,
        macs_in_bounds=27_744, units=192, windows=((5, 2, 2, 1), (5, 2, 2, 1)),
        working={"parameters": "5·5·96 + 4·4·12", "connections": "(5·5·96 + 12)·4·4"},
        why="its H2: 12 maps of 4·4 see 8 of 12 maps each, 5·5·8·12 = 2,400 weights, and 192 biases: 2,592 parameters, "
        "(200 + 1)·192 = 38,592 connections; along a side 17 of 5·4 = 20 taps meet the input: 17·17·96 = 27,744 "
        "of 5·5·96·4·4 = 38,400 MACs, and 27,744 + 192 = 27,936 connections",
    ),
    case(
        "conv2d", (32, 56, 56), out_channels=32, kernel_size=3, padding=1, groups=32, bias=False,
        output=(32, 56, 56), parameters=288, connections=903_168, connections_in_bounds=881_792, macs=903_168,
        macs_in_bounds=881_792, units=100_352, windows=((3, 1, 1, 1), (3, 1, 1, 1)), label="conv 3×3 g32",
        why="depthwise: each kernel sees one map, 3·3·1·32 = 288 parameters, 3·3·56·56·32 = 903,168 MACs and "
        "connections; 3·56 − 2 = 166 taps a side meet the input: 166·166·32 = 881,792",
    ),
    case(
        "conv2d", (96, 27, 27), out_channels=256, kernel_size=5, padding=2, groups=2,
        output=(256, 27, 27), parameters=307_456, connections=224_135_424, connections_in_bounds=204_671_232,
        macs=223_948_800, macs_in_bounds=204_484_608, units=186_624, windows=((5, 1, 2, 1), (5, 1, 2, 1)),
        label="conv 5×5 g2", working={"parameters": "(5·5·96/2 + 1)·256"},
        formula={"parameters": "(k·k·c/g + 1)·n", "macs": "k·k·c/g·h·w·n"},
        why="AlexNet's conv2 (Krizhevsky et al. 2012): each of two groups sees 96/2 = 48 maps, "
        "(5·5·48 + 1)·256 = 307,456 parameters, 5·5·48·27·27·256 = 223,948,800 MACs, and a bias line for each of "
        "27·27·256 = 186,624 units: 223,948,800 + 186,624 = 224,135,424 connections; 5·27 − 6 = 129 taps a side "
        "meet the input: 129·129·48·256 = 204,484,608 and 204,484,608 + 186,624 = 204,671,232",
    ),
    case(
        "conv2d", (2, 9, 9), out_channels=4, kernel_size=3, dilation=2,
        output=(4, 5, 5), parameters=76, connections=1_900, macs=1_800, units=100,
        windows=((3, 1, 0, 2), (3, 1, 0, 2)),
        why="taps 2 apart make the kernel reach 2·(3 − 1) + 1 = 5 positions: 9 − 5 + 1 = 5 a side; its weights stay "
        "(3·3·2 + 1)·4 = 76; 76·5·5 = 1,900 connections, 3·3·2·5·5·4 = 1,800 MACs",
    ),
    case(
        "conv2d", (1, 5, 5), out_channels=1, kernel_size=3, dilation=2, padding=2,
        output=(1, 5, 5), parameters=10, connections=250, connections_in_bounds=146, macs=225, macs_in_bounds=121,
        units=25, windows=((3, 1, 2, 2), (3, 1, 2, 2)),
        why="5 + 2·2 − 5 + 1 = 5 a side; 3·3 + 1 = 10 parameters, 10·5·5 = 250 connections, 3·3·5·5 = 225 MACs; of "
        "the taps along a side the outer two miss at 2 positions each: 3 + 5 + 3 = 11, so 11·11 = 121 meet the input, "
        "121 + 25 = 146 with the biases",
    ),
    case(
        "conv2d", (3, 32, 32), out_channels=96, kernel_size=11, stride=4, padding="same",
        output=(96, 8, 8), parameters=34_944, connections=2_236_416, connections_in_bounds=1_895_712,
        macs=2_230_272, macs_in_bounds=1_889_568, units=6_144, windows=((11, 4, 3, 1), (11, 4, 3, 1)),
        label="conv 11×11 /4",
        why="Keras's `same` in the course's AlexNet: ⌈32/4⌉ = 8 positions need (8 − 1)·4 + 11 − 32 = 7 zeros, 3 before "
        "and 4 after. (11·11·3 + 1)·96 = 34,944 parameters, (11·11·3 + 1)·8·8·96 = 2,236,416 connections, "
        "11·11·3·8·8·96 = 2,230,272 MACs. The windows begin at −3, 1, …, 25 and meet 8 + 6·11 + 7 = 81 pixels: "
        "81·81·3·96 = 1,889,568, with biases 1,889,568 + 6,144 = 1,895,712",
    ),
    case(
        "conv2d", (1, 6, 8), out_channels=2, kernel_size=3, padding=[1, 0, 2, 1],
        output=(2, 7, 7), parameters=20, connections=980, connections_in_bounds=778, macs=882, macs_in_bounds=680,
        units=98, windows=((3, 1, 2, 1), (3, 1, 1, 1)),
        why="four sides, left, right, top, bottom: 6 + 2 + 1 − 3 + 1 = 7 rows and 8 + 1 + 0 − 3 + 1 = 7 columns; "
        "(3·3 + 1)·2 = 20 parameters, 20·7·7 = 980 connections, 3·3·7·7·2 = 882 MACs; rows from −2 on meet "
        "1 + 2 + 4·3 + 2 = 17, columns from −1 on 2 + 6·3 = 20: 17·20·2 = 680, with biases 680 + 98 = 778",
    ),
    case(
        "conv2d", (4, 10, 12), out_channels=8, kernel_size=(3, 5), stride=(2, 1), padding=(1, 2),
        output=(8, 5, 12), parameters=488, connections=29_280, connections_in_bounds=24_672, macs=28_800,
        macs_in_bounds=24_192, units=480, windows=((3, 2, 1, 1), (5, 1, 2, 1)), label="conv 3×5 /2×1",
        working={"parameters": "(3·5·4 + 1)·8"}, formula={"parameters": "(kh·kw·c + 1)·n"},
        why="⌊(10 + 2·1 − 3)/2⌋ + 1 = 5 rows, 12 + 2·2 − 5 + 1 = 12 columns; (3·5·4 + 1)·8 = 488 parameters, "
        "488·5·12 = 29,280 connections, 3·5·4·5·12·8 = 28,800 MACs; rows meet 2 + 4·3 = 14 and columns 5·12 − 6 = 54: "
        "14·54·4·8 = 24,192, with biases 24,192 + 480 = 24,672",
    ),
    case(
        "conv2d", (64, 14, 14), out_channels=16, kernel_size=1, bias=False,
        output=(16, 14, 14), parameters=1_024, connections=200_704, macs=200_704, units=3_136,
        windows=((1, 1, 0, 1), (1, 1, 0, 1)),
        why="pointwise: a dense layer at every pixel, 1·1·64·16 = 1,024 parameters, 1,024·14·14 = 200,704 connections "
        "and MACs",
    ),
    case(
        "conv2d", (1, 2, 2), out_channels=1, kernel_size=1, padding=1,
        output=(1, 4, 4), parameters=2, connections=32, connections_in_bounds=20, macs=16, macs_in_bounds=4, units=16,
        windows=((1, 1, 1, 1), (1, 1, 1, 1)),
        why="padding wider than the kernel: windows that see nothing but padding. 1·1 + 1 = 2 parameters, 2·4·4 = 32 "
        "connections, 4·4 = 16 MACs, 2·2 = 4 of them on pixels, 4 + 16 = 20 connections",
    ),
    case(
        "conv1d", (16, 100), out_channels=32, kernel_size=3,
        output=(32, 98), parameters=1_568, connections=153_664, macs=150_528, units=3_136, windows=((3, 1, 0, 1),),
        label="conv 3", working={"connections": "(3·16 + 1)·98·32"}, formula={"connections": "(k·c + 1)·l·n"},
        why="100 − 3 + 1 = 98 positions; (3·16 + 1)·32 = 1,568 parameters, 1,568·98 = 153,664 connections, "
        "3·16·98·32 = 150,528 MACs",
    ),
    case(
        "conv1d", (8, 10), out_channels=8, kernel_size=3, dilation=2, padding=[4, 0], groups=4,
        output=(8, 10), parameters=56, connections=560, connections_in_bounds=464, macs=480, macs_in_bounds=384,
        units=80, windows=((3, 1, 4, 2),), label="conv 3 g4",
        why="causal: all padding before. 10 + 4 − 5 + 1 = 10 positions; each group sees 8/4 = 2 maps, (3·2 + 1)·8 = 56 "
        "parameters, 56·10 = 560 connections, 3·2·10·8 = 480 MACs; the three taps meet 6 + 8 + 10 = 24 values: "
        "24·2·8 = 384, with biases 384 + 80 = 464",
    ),
    case(
        "conv1d", (1, 5), out_channels=1, kernel_size=2, stride=2, padding="same",
        output=(1, 3), parameters=3, connections=9, connections_in_bounds=8, macs=6, macs_in_bounds=5, units=3,
        windows=((2, 2, 0, 1),), label="conv 2 /2",
        why="⌈5/2⌉ = 3 positions need (3 − 1)·2 + 2 − 5 = 1 zero, and the odd one is after: 2 + 1 = 3 parameters, "
        "3·3 = 9 connections, 2·3 = 6 MACs of which 6 − 1 = 5 meet the input and 9 − 1 = 8 connections",
    ),
    case(
        "conv3d", (3, 16, 32, 32), out_channels=8, kernel_size=3,
        output=(8, 14, 30, 30), parameters=656, connections=8_265_600, macs=8_164_800, units=100_800,
        windows=((3, 1, 0, 1),) * 3, label="conv 3×3×3", formula={"macs": "k·k·k·c·d·h·w·n"},
        why="(3·3·3·3 + 1)·8 = 656 parameters at 14·30·30 = 12,600 positions: 656·12,600 = 8,265,600 connections, "
        "3·3·3·3·12,600·8 = 8,164,800 MACs",
    ),
    case(
        "conv3d", (1, 3, 4, 5), out_channels=2, kernel_size=2, padding=[0, 1, 1, 0, 2, 0],
        output=(2, 4, 4, 5), parameters=18, connections=1_440, connections_in_bounds=790, macs=1_280,
        macs_in_bounds=630, units=160, windows=((2, 1, 2, 1), (2, 1, 1, 1), (2, 1, 0, 1)),
        why="six sides, left, right, top, bottom, front, back: 3 + 2 − 2 + 1 = 4 deep, 4 + 1 − 2 + 1 = 4 high, "
        "5 + 1 − 2 + 1 = 5 wide; (2·2·2 + 1)·2 = 18 parameters, 18·4·4·5 = 1,440 connections, 8·4·4·5·2 = 1,280 MACs; "
        "taps inside: 0 + 1 + 2 + 2 = 5 deep, 1 + 3·2 = 7 high, 4·2 + 1 = 9 wide: 5·7·9·2 = 630, 630 + 160 = 790",
    ),
    case(
        "conv1d", (2, 4), out_channels=3, kernel_size=1, stride=2, padding="same", bias=False,
        output=(3, 2), parameters=6, connections=12, macs=12, units=6, windows=((1, 2, 0, 1),),
        why="every second value alone needs no padding: ⌈4/2⌉ = 2 positions; 1·2·3 = 6 parameters, "
        "6·2 = 12 connections, all 12 of them multiply, of 3·2 = 6 units",
    ),
    case(
        "conv_transpose2d", (128, 28, 28), out_channels=64, kernel_size=2, stride=2,
        output=(64, 56, 56), parameters=32_832, connections=25_890_816, macs=25_690_112, units=200_704, windows=None,
        label="transposed conv 2×2 /2", working={"parameters": "2·2·64·128 + 64"},
        formula={"connections": "k·k·n·h′·w′·c + h·w·n"},
        why="the up-convolution of U-Net (Ronneberger et al. 2015): (28 − 1)·2 + 2 = 56 a side; "
        "2·2·64·128 + 64 = 32,832 parameters; each input value is multiplied 2·2·64 = 256 times: "
        "256·28·28·128 = 25,690,112 MACs, and 56·56·64 = 200,704 bias lines: 25,690,112 + 200,704 = 25,890,816",
    ),
    case(
        "conv_transpose2d", (8, 3, 3), out_channels=8, kernel_size=2,
        output=(8, 4, 4), parameters=264, connections=2_432, macs=2_304, units=128, windows=None,
        working={"parameters": "2·2·8·8 + 8"}, formula={"parameters": "k·k·n·c + n"},
        why="as many maps as kernels, which are not the same 8: 3 − 1 + 2 = 4 a side; 2·2·8·8 + 8 = 264 parameters; "
        "2·2·8·3·3·8 = 2,304 MACs, and 4·4·8 = 128 bias lines: 2,304 + 128 = 2,432 connections",
    ),
    case(
        "conv_transpose2d", (4, 5, 5), out_channels=6, kernel_size=3, stride=2, padding=1, output_padding=1, groups=2,
        output=(6, 10, 10), parameters=114, connections=3_300, connections_in_bounds=2_952, macs=2_700,
        macs_in_bounds=2_352, units=600, windows=None, label="transposed conv 3×3 /2 g2",
        formula={"macs": "k·k·n/g·h′·w′·c"},
        why="(5 − 1)·2 + 3 + 1 − 2·1 = 10 a side; an input map feeds 6/2 = 3 maps: 3·3·3·4 + 6 = 114 parameters, "
        "3·3·3·5·5·4 = 2,700 MACs, with 10·10·6 = 600 biases 2,700 + 600 = 3,300 connections; the first row of "
        "products is cut off, so the taps along a side land 4 + 5 + 5 = 14 times: 14·14·3·4 = 2,352, "
        "2,352 + 600 = 2,952",
    ),
    case(
        "conv_transpose2d", (1, 3, 3), out_channels=1, kernel_size=4, stride=2, padding=[1, 0, 2, 1],
        output=(1, 5, 7), parameters=17, connections=179, connections_in_bounds=134, macs=144, macs_in_bounds=99,
        units=35, windows=None,
        why="(3 − 1)·2 + 4 = 8 a side, of which 8 − 2 − 1 = 5 rows and 8 − 1 − 0 = 7 columns stay; 4·4 + 1 = 17 "
        "parameters, 4·4·3·3 = 144 MACs, 144 + 5·7 = 179 connections; rows land 2 + 4 + 3 = 9 times and columns "
        "3 + 4 + 4 = 11 times: 9·11 = 99, 99 + 35 = 134",
    ),
    case(
        "conv_transpose1d", (16, 50), out_channels=8, kernel_size=4, stride=2, padding=1,
        output=(8, 100), parameters=520, connections=26_400, connections_in_bounds=26_144, macs=25_600,
        macs_in_bounds=25_344, units=800, windows=None, label="transposed conv 4 /2",
        why="(50 − 1)·2 + 4 − 2·1 = 100 positions; 4·8·16 + 8 = 520 parameters, 4·8·50·16 = 25,600 MACs, "
        "25,600 + 100·8 = 26,400 connections; one product is cut off at each end, 4·50 − 2 = 198: 198·8·16 = 25,344, "
        "25,344 + 800 = 26,144",
    ),
    case(
        "conv_transpose1d", (1, 3), out_channels=1, kernel_size=2, dilation=3, bias=False,
        output=(1, 6), parameters=2, connections=6, macs=6, units=6, windows=None,
        why="(3 − 1)·1 + 3·(2 − 1) + 1 = 6 positions; 2 parameters, 2·3 = 6 MACs and connections",
    ),
    case(
        "conv_transpose3d", (8, 5, 6, 7), out_channels=4, kernel_size=2, stride=2,
        output=(4, 10, 12, 14), parameters=260, connections=60_480, macs=53_760, units=6_720, windows=None,
        label="transposed conv 2×2×2 /2",
        why="2·2·2·4·8 + 4 = 260 parameters, 2·2·2·4·5·6·7·8 = 53,760 MACs, with 10·12·14·4 = 6,720 biases "
        "53,760 + 6,720 = 60,480 connections",
    ),
]  # fmt: skip

CASES += [
    case("locally_connected1d", (4, 10), out_channels=2, kernel_size=3, output=(2, 8), parameters=208, connections=208,
         macs=192, units=16, windows=((3, 1, 0, 1),), label="local 3",
         why="10 − 3 + 1 = 8 positions, each with kernels of its own: (3·4 + 1)·8·2 = 208 parameters, each one "
         "connection; 3·4·8·2 = 192 MACs; 8·2 = 16 units"),
    case("locally_connected1d", (4, 9), out_channels=2, kernel_size=3, stride=2, padding=1, bias=False, output=(2, 5),
         parameters=120, connections=120, connections_in_bounds=104, macs=120, macs_in_bounds=104, units=10,
         windows=((3, 2, 1, 1),),
         why="⌊(9 + 2 − 3)/2⌋ + 1 = 5 positions: 3·4·5·2 = 120 weights, lines and MACs; the first and the last window "
         "have a tap beside the input: 15 − 2 = 13 taps in bounds, 13·4·2 = 104; 5·2 = 10 units"),
    case("locally_connected2d", (1, 16, 16), out_channels=1, kernel_size=3, stride=2, padding=1, output=(1, 8, 8),
         parameters=640, connections=640, connections_in_bounds=593, macs=576, macs_in_bounds=529, units=64,
         windows=((3, 2, 1, 1),) * 2, label="local 3×3 /2", formula={"parameters": "(k·k·c + 1)·h·w·n"},
         why="8·8 = 64 units, each with its own nine weights and bias: (3·3·1 + 1)·8·8·1 = 640 parameters, one line "
         "each; 3·3·64 = 576 MACs; of 24 taps a side 24 − 1 = 23 fall on the image: 23·23 = 529, and 529 + 64 = 593"),
    case("locally_connected2d", (3, 9, 8), out_channels=4, kernel_size=[3, 2], padding=[0, 1, 0, 0], output=(4, 7, 8),
         parameters=4_256, connections=4_256, connections_in_bounds=4_004, macs=4_032, macs_in_bounds=3_780, units=224,
         windows=((3, 1, 0, 1), (2, 1, 0, 1)),
         why="9 − 3 + 1 = 7 rows and 8 + 1 − 2 + 1 = 8 columns, one column of zeros on the right: "
         "(3·2·3 + 1)·7·8·4 = 4,256 parameters and connections; 3·2·3·7·8·4 = 4,032 MACs; of 2·8 = 16 taps of a row "
         "one falls on the zeros, 3·7·15·3·4 = 3,780, and 3,780 + 7·8·4 = 4,004"),
]  # fmt: skip

WRONG = [
    wrong("locally_connected1d", (12,), out_channels=2, kernel_size=3, at=0,
          message="takes (channels, length), got 12; a flattened vector has no window; put this layer before the "
          "`flatten`"),
    wrong("locally_connected2d", (3, 4, 9), out_channels=2, kernel_size=5, blamed="kernel_size", at=0,
          message="a kernel of 5 is larger than the input's height of 4; use a kernel of at most 4, more padding, or a "
          "larger input"),
    wrong("locally_connected2d", out_channels=2, kernel_size=5, padding="same", blamed="padding",
          message="`padding`: expected a whole number, 0 or more, got 'same'"),
    wrong("conv2d", (400,), out_channels=6, kernel_size=5, at=0,
          message="takes (channels, height, width), got 400; a flattened vector has no window; put this layer "
          "before the `flatten`"),
    wrong("conv2d", (16, 100), out_channels=6, kernel_size=5, at=0,
          message="takes (channels, height, width), got 16×100; use the 1d type of this layer"),
    wrong("conv1d", (3, 8, 8), out_channels=6, kernel_size=5, at=0,
          message="takes (channels, length), got 3×8×8; use the 2d type of this layer"),
    wrong("conv3d", (3, 8, 8), out_channels=6, kernel_size=5, at=0,
          message="takes (channels, depth, height, width), got 3×8×8; use the 2d type of this layer"),
    wrong("conv2d", (2, 3, 4, 5, 6), out_channels=6, kernel_size=1, at=0,
          message="takes (channels, height, width), got 2×3×4×5×6"),
    wrong("conv2d", (1, 8, 8), (1, 8, 8), out_channels=6, kernel_size=5,
          message="takes 1 input, not 2; join them first with a `concat` or an `add` layer"),
    wrong("conv2d", (64, 32, 32), out_channels=6, kernel_size=3, groups=3, blamed="groups", at=0,
          message="`groups: 3` does not divide the 64 input channels; use a divisor of 64, or change the layer that "
          "feeds this one"),
    wrong("conv2d", (64, 32, 32), out_channels=7, kernel_size=3, groups=2, blamed="groups",
          message="`groups: 2` does not divide `out_channels: 7`; use a divisor of 7"),
    wrong("conv2d", (1, 4, 9), out_channels=6, kernel_size=5, blamed="kernel_size", at=0,
          message="a kernel of 5 is larger than the input's height of 4; use a kernel of at most 4, more padding, or a "
          "larger input"),
    wrong("conv2d", (1, 9, 4), out_channels=6, kernel_size=3, dilation=3, padding=1, blamed="kernel_size", at=0,
          message="a kernel of 3 (dilated to 7) is larger than the input's width of 4 (padded to 6); use a kernel of "
          "at most 2, more padding, or a larger input"),
    wrong("conv2d", out_channels=6, kernel_size=[3, 3, 3], blamed="kernel_size",
          message="`kernel_size`: expected a positive integer or a pair of them, got [3, 3, 3]"),
    wrong("conv2d", out_channels=6, kernel_size=5, padding="valid", blamed="padding",
          message="`padding`: expected a number, a pair (height, width) or four sides (left, right, top, bottom), or "
          "`same`, got 'valid'; write 0, or leave it out: that is no padding"),
    wrong("conv2d", out_channels=6, kernel_size=5, padding=[1, 2, 3], blamed="padding",
          message="`padding`: expected a number, a pair (height, width) or four sides (left, right, top, bottom), or "
          "`same`, got [1, 2, 3]"),
    wrong("conv2d", kernel_size=5, message="`out_channels` is missing; `out_channels` is a positive integer"),
    wrong("conv2d", out_channels=6, kernel_sise=5, blamed="kernel_sise",
          message="unknown option `kernel_sise`; did you mean `kernel_size`?"),
    wrong("conv2d", out_channels=0, kernel_size=5, blamed="out_channels",
          message="`out_channels`: expected a positive integer, got 0"),
    wrong("conv2d", out_channels=True, kernel_size=5, blamed="out_channels",
          message="`out_channels`: expected a positive integer, got true"),
    wrong("conv2d", out_channels=6, kernel_size=5, bias=1, blamed="bias",
          message="`bias`: expected true or false, got 1"),
    wrong("conv2d", out_channels=3, kernel_size=3, bias=False, untie_biases=True, blamed="untie_biases",
          message="`untie_biases` gives each unit a constant of its own, and `bias: false` none; "
          "remove one of the two"),
    wrong("conv2d", out_channels=3, kernel_size=3, connection_table=[[0], [1]], blamed="connection_table",
          message="the connection table has 2 rows for `out_channels: 3`; list the input maps of every output map, one "
          "row each"),
    wrong("conv2d", out_channels=2, kernel_size=3, groups=2, connection_table=[[0], [1]], blamed="groups",
          message="`groups` and `connection_table` both say which maps are connected; remove one of the two"),
    wrong("conv2d", (2, 8, 8), out_channels=2, kernel_size=3, connection_table=[[0], [1, 2]],
          blamed="connection_table", at=0,
          message="the connection table feeds output map 1 from input map 2, but the input has 2 maps, 0 to 1; input "
          "maps are counted from 0"),
    wrong("conv2d", out_channels=2, kernel_size=3, connection_table=[[0], [1, 1]], blamed="connection_table",
          message="`connection_table`: output map 1 names input map 1 twice"),
    *(wrong(f"conv_transpose{n}d", (12,), out_channels=6, kernel_size=2, at=0,
            message=f"takes (channels, {axes}), got 12; a flattened vector has no window; put this layer before the "
            "`flatten`")
      for n, axes in ((1, "length"), (2, "height, width"), (3, "depth, height, width"))),
    wrong("conv1d", (2, 4), out_channels=1, kernel_size=3, dilation=2, blamed="kernel_size", at=0,
          message="a kernel of 3 (dilated to 5) is larger than the input's length of 4; use a kernel of at most 2, "
          "more padding, or a larger input"),
    wrong("conv1d", (2, 2), out_channels=1, kernel_size=4, padding=[1, 0], blamed="kernel_size", at=0,
          message="a kernel of 4 is larger than the input's length of 2 (padded to 3); use a kernel of at most 3, more "
          "padding, or a larger input"),
    wrong("conv_transpose2d", (4, 8, 8), out_channels=6, kernel_size=2, groups=3, blamed="groups", at=0,
          message="`groups: 3` does not divide the 4 input channels; use a divisor of 4, or change the layer that "
          "feeds this one"),
    wrong("conv_transpose2d", out_channels=6, kernel_size=2, stride=2, output_padding=2, blamed="output_padding",
          message="`output_padding: 2` must be smaller than the stride of 2 or the dilation of 1"),
    wrong("conv_transpose1d", (4, 1), out_channels=6, kernel_size=2, padding=1, blamed="padding", at=0,
          message="padding of 1 and 1 leaves nothing of an output of 2"),
    wrong("conv_transpose2d", out_channels=6, kernel_size=2, padding="same", blamed="padding",
          message="`padding`: expected a whole number, 0 or more, got 'same'"),
]  # fmt: skip
