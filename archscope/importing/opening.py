"""`read_file`: the network in a file of another tool."""

from __future__ import annotations

from archscope.importing.kinds import Kind, kind_of, refuse
from archscope.importing.stated import Stated
from archscope.network import Network
from archscope.patience import without_collector


@without_collector()
def read_file(path: str, stated: Stated) -> Network:
    """The network in an ONNX, a Keras or a Caffe file, told by its content.

    Args:
        path: the file.
        stated: what was said of its inputs.

    Raises:
        MissingExtra: a package that reads such files is not installed.
        UsageError: the file is not whole, or is no network; says what to do instead.
    """
    kind = kind_of(path)
    if kind is Kind.ONNX:
        from archscope.importing.onnx.calls import translate
        from archscope.importing.onnx.patterns import simplified
        from archscope.importing.onnx.reading import read_onnx
        from archscope.importing.recognise import network_of

        return network_of(simplified(read_onnx(path, stated)), translate, path)
    if kind is Kind.KERAS:
        from archscope.importing.keras.reading import read_keras

        return read_keras(path, stated)
    if kind is Kind.CAFFE:
        from archscope.importing.caffe.reading import read_caffe

        return read_caffe(path, stated)
    refuse(path)
    raise AssertionError  # it has raised
