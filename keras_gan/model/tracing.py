"""The GAN's own methods as operations of a graph: what the compiled engine compiles, and what it refuses."""

import contextlib
import functools
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from keras_gan.streams import format_error

_METHODS = ("generate", "update_discriminator", "update_generator")


@contextlib.contextmanager
def tracing(gan: Any, step: tf.Tensor) -> Iterator[None]:
    """Lets the GAN's own methods, overridden or not, make operations of the graph that is traced.

    In the block `train_on_batch` of both models is Keras's `train_step`, and `gan.step` a tensor.
    """
    before = gan.step
    with contextlib.ExitStack() as stack:
        for model in (gan.discriminator, gan.combined):
            vars(model)["train_on_batch"] = functools.partial(_trace_train_on_batch, model)
            stack.callback(vars(model).pop, "train_on_batch")
        for name in _METHODS:
            own = {name: vars(gan)[name]} if name in vars(gan) else {}
            vars(gan)[name] = _named_in_errors(gan, name)
            stack.callback(vars(gan).update, own)  # after the next
            stack.callback(vars(gan).pop, name)
        gan.step = step
        stack.callback(setattr, gan, "step", before)
        yield


def _trace_train_on_batch(model, x, y, sample_weight=None, class_weight=None, return_dict=False):
    """Does what `keras.Model.train_on_batch` does, as operations of a graph."""
    if class_weight is not None:
        raise NotImplementedError("class_weight")
    logs = model.train_step((x, y) if sample_weight is None else (x, y, sample_weight))
    model.reset_metrics()  # so that they are of each batch alone, as those of `train_on_batch`
    return logs if return_dict else model._flatten_metrics_in_order(logs)


def _named_in_errors(gan, name):
    """Returns a method of the GAN that says, where it cannot be traced, which one it is."""
    method = getattr(gan, name)

    @functools.wraps(method)
    def named(*args, **options):
        try:
            return method(*args, **options)
        except Exception as error:
            reason = format_error(error)[:200]
            raise ValueError(_refuse(gan, name, f"it cannot be compiled: {reason}")) from error

    return named


def _refuse(gan, name, reason):
    return (
        f"Engine compiled cannot run {type(gan).__name__}.{name}: {reason} (train with engine train_on_batch)"
    )


def is_plain(gan: Any) -> bool:
    """Returns whether the GAN overrides none of the methods that make a step."""
    return not _list_overridden(gan)


def _list_overridden(gan):
    """Returns the names of the methods that its class overrides, or that were assigned to the object."""
    own, package = vars(gan), f"{__package__}.gan"
    return [n for n in _METHODS if n in own or getattr(type(gan), n).__module__ != package]


def _read_random_states():
    return random.getstate(), str(np.random.get_state())


def _list_constants(graph_def):
    """Returns the constants in a graph and its functions, sorted: names of nodes differ at each trace."""
    nodes = [*graph_def.node, *(node for f in graph_def.library.function for node in f.node_def)]
    return sorted(n.attr["value"].tensor.SerializeToString() for n in nodes if n.op == "Const")


def check_overridden(gan: Any, trace: Callable[[], Any]) -> None:
    """Raises ValueError if an overridden method does something that would happen only while it is traced.

    Python's and NumPy's random numbers and attributes that count steps would be frozen.
    """
    name = _list_overridden(gan)[0]
    own, drawn = dict(vars(gan)), _read_random_states()
    constants = [_list_constants(trace().graph.as_graph_def()) for _ in range(2)]
    if drawn != _read_random_states():
        raise ValueError(_refuse(gan, name, "it draws from Python's or NumPy's random numbers; Keras's work"))
    changed = [n for n, value in vars(gan).items() if own.get(n) is not value]
    if changed or constants[0] != constants[1]:
        what = f"it changes self.{changed[0]}" if changed else "it does not do the same every time"
        raise ValueError(_refuse(gan, name, f"{what}, which would be compiled in once"))
