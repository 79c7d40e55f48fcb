"""Specs in blocks that several tests read."""

RESNET50 = """
title: ResNet-50
input: [3, 224, 224]
blocks:
  conv:
    options: {c: , k: 1, s: 1, act: relu}
    layers:
      conv: {type: conv2d, out_channels: $c, kernel_size: $k, stride: $s, padding: $k//2, bias: false}
      bn: {type: batch_norm, activation: $act}
  bottleneck:
    options: {c: , s: 1}
    layers:
      a: {type: conv, c: $c, s: $s}
      b: {type: conv, c: $c, k: 3}
      m: {type: conv, c: 4*$c, act: identity}
      short: {type: conv, c: 4*$c, s: $s, act: identity, from: input, when: changes}
      sum: {type: add, from: [m, short], activation: relu}
layers:
  conv1: {type: conv, c: 64, k: 7, s: 2}
  pool1: {type: max_pool2d, kernel_size: 3, stride: 2, padding: 1}
  conv2: {type: bottleneck, c: 64, repeat: 3}
  conv3: {type: bottleneck, c: 128, repeat: 4, first: {s: 2}}
  conv4: {type: bottleneck, c: 256, repeat: 6, first: {s: 2}}
  conv5: {type: bottleneck, c: 512, repeat: 3, first: {s: 2}}
  pool5: {type: adaptive_avg_pool2d, output_size: 1}
  flatten: {type: flatten}
  fc: {type: linear, out_features: 1000}
"""

MOBILENET_V2 = """
title: MobileNet v2
input: [3, 224, 224]
blocks:
  conv:
    options: {c: , k: 1, s: 1, g: 1, act: relu6}
    layers:
      conv: {type: conv2d, out_channels: $c, kernel_size: $k, stride: $s, padding: $k//2, groups: $g, bias: false}
      bn: {type: batch_norm, activation: $act}
  inverted:
    options: {t: , c: , s: 1}
    layers:
      expand: {type: conv, c: $t*$in, when: changes}
      depthwise: {type: conv, c: $t*$in, k: 3, s: $s, g: $t*$in}
      project: {type: conv, c: $c, act: identity}
      sum: {type: add, from: [project, input], when: fits}
layers:
  stem: {type: conv, c: 32, k: 3, s: 2}
  body:
    type: inverted
    columns: [t, c, repeat, first.s]
    rows: [[1, 16, 1, 1], [6, 24, 2, 2], [6, 32, 3, 2], [6, 64, 4, 2], [6, 96, 3, 1], [6, 160, 3, 2], [6, 320, 1, 1]]
  head: {type: conv, c: 1280}
  pool: {type: adaptive_avg_pool2d, output_size: 1}
  flatten: {type: flatten}
  drop: {type: dropout, p: 0.2}
  fc: {type: linear, out_features: 1000}
"""

DENSENET121 = """
title: DenseNet-121
input: [3, 224, 224]
let: {k: 32}
blocks:
  conv:
    options: {c: , k: 1}
    layers:
      bn: {type: batch_norm, activation: relu}
      conv: {type: conv2d, out_channels: $c, kernel_size: $k, padding: $k//2, bias: false}
  dense:
    layers:
      bottleneck: {type: conv, c: 4*$k}
      grow: {type: conv, c: $k, k: 3}
      join: {type: concat, from: [input, grow]}
  transition:
    layers:
      conv: {type: conv, c: $in//2}
      pool: {type: avg_pool2d, kernel_size: 2}
layers:
  conv0: {type: conv2d, out_channels: 2*$k, kernel_size: 7, stride: 2, padding: 3, bias: false}
  bn0: {type: batch_norm, activation: relu}
  pool0: {type: max_pool2d, kernel_size: 3, stride: 2, padding: 1}
  dense1: {type: dense, repeat: 6}
  transition1: {type: transition}
  dense2: {type: dense, repeat: 12}
  transition2: {type: transition}
  dense3: {type: dense, repeat: 24}
  transition3: {type: transition}
  dense4: {type: dense, repeat: 16}
  bn5: {type: batch_norm, activation: relu}
  pool5: {type: adaptive_avg_pool2d, output_size: 1}
  flatten: {type: flatten}
  fc: {type: linear, out_features: 1000}
"""
