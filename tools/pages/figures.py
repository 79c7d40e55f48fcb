"""The pictures on the pages, drawn from the specs."""

from __future__ import annotations

import archscope
from archscope.classroom import sheet_of
from archscope.classroom.writers.pdf import scenes
from archscope.diagrams.writers.svg import svg


def pages() -> dict[str, str]:
    lenet5, alexnet = archscope.load("lenet5"), archscope.load("alexnet")
    return {
        "assets/figures/worksheet.svg": svg(scenes(sheet_of(archscope.analyze(lenet5), spec="lenet5"))[0]),
        "assets/figures/lenet5.svg": archscope.draw(lenet5).svg,
        "assets/figures/alexnet.svg": archscope.draw(alexnet).svg,
        "assets/figures/alexnet-macs.svg": archscope.draw(alexnet, color="macs").svg,
        "assets/figures/unet.svg": archscope.draw("unet").svg,
        "assets/figures/resnet-50.svg": archscope.draw("resnet@50").svg,
        "assets/figures/googlenet.svg": archscope.draw("googlenet").svg,
        "assets/figures/densenet-121.svg": archscope.draw("densenet@121").svg,
        "assets/figures/dcgan.svg": archscope.draw("dcgan@generator").svg,
        "assets/figures/transformer.svg": archscope.draw("transformer@base").svg,
        "assets/figures/lstm-lm.svg": archscope.draw("lstm-lm@small").svg,
        "assets/figures/mixtral.svg": archscope.draw("mixtral").svg,
    }
