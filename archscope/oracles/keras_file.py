"""A model in a Keras file, made by Keras itself; a program, because Keras chooses its backend on import.

``KERAS_BACKEND=torch python -m archscope.oracles.keras_file net.keras`` prints what Keras says of its layers. The
configuration alone is read, no weights, and nothing in it may name anything but Keras's own classes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any, Final

from archscope.errors import UsageError
from archscope.importing.keras.operations import MODULE, READINGS
from archscope.oracles.keras_course import count_values

_MODULES: Final = frozenset({
    "keras", "keras.layers", "keras.models", "keras.src.models.functional", "keras.src.models.sequential",
    "keras.src.models.model", "keras.initializers", "keras.regularizers", "keras.constraints", "keras.dtype_policies",
    "keras.quantizers",
    "builtins",
})  # fmt: skip
"""Where Keras's own files have their classes from."""
_FUNCTIONS: Final = frozenset({f"{MODULE}nn", f"{MODULE}numpy"})
"""Where functions between layers are from; those that are read compute and do nothing else."""
_OF_MASKS: Final = frozenset({"NotEqual", "Any"})
"""Functions by which Keras's layers tell which positions are padding."""
_CLASSES: Final = frozenset({"__keras_tensor__", "__tuple__", "__numpy__", "__tensor__"})
_CODE: Final = frozenset({"Lambda", "__lambda__", "__bytes__", "function", "TorchModuleWrapper", "TFSMLayer",
                          "JaxLayer", "FlaxLayer"})  # fmt: skip
"""Classes that hold code, or run what lies in other files."""


def refuse_code(found: Any) -> None:
    """Insist that a configuration names nothing but Keras's own classes.

    Raises:
        UsageError: it names something else.
    """
    waiting = [found]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            module, name = each.get("module"), each.get("class_name")
            if "class_name" in each and not isinstance(name, str):
                raise UsageError("a class without a name")
            ours = (
                module is None
                or module in _MODULES
                or (module in _FUNCTIONS and (name in READINGS or name in _OF_MASKS))
            )
            if isinstance(name, str) and (not ours or name in _CODE or (module == "builtins" and name not in _CLASSES)):
                raise UsageError(
                    f"`{name[:80]}` of `{str(module)[:80]}` is code, and nothing but Keras's layers is made"
                )
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each


def described(path: str) -> dict[str, Any]:
    """What Keras says of the layers of a file: shapes, channels as the file has them, and how many weights."""
    from archscope.importing.keras.config import read_config

    found, _ = read_config(path)
    refuse_code(found)
    import keras

    model = keras.saving.deserialize_keras_object(found, safe_mode=True)
    return {"layers": list(_layers(model, "")), "weights": count_values(_counted(model))}


def _layers(model: Any, before: str) -> Iterator[dict[str, Any]]:
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _layers(layer, f"{before}{layer.name}.")
            continue
        try:
            shapes = {tuple(each.shape) for node in layer._inbound_nodes for each in node.output_tensors[:1]}
            output = list(layer.output.shape[1:]) if len(shapes) == 1 else None
        except (AttributeError, ValueError):  # it is called several times, or makes several values
            output = None
        yield {"name": before + layer.name, "output": output, "weights": count_values(_counted(layer))}


def _counted(layer: Any) -> list[Any]:
    """The weights without what brings whole numbers back to their range."""
    scaled = {id(own) for each in layer._flatten_layers() if getattr(each, "quantization_mode", None)
              for own in each.weights if own.name.endswith("_scale")}  # fmt: skip
    return [each for each in layer.weights if id(each) not in scaled]


if __name__ == "__main__":
    try:
        answer = described(sys.argv[1])
    except Exception as error:  # noqa: BLE001 - what Keras does not take is told to who asked
        answer = {"failed": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer))
