"""What a checkpoint holds: every variable of a GAN by name."""

import keras


def named_variables(generator, discriminator, combined):
    """Returns weights, moments and counts of updates: dict of name to Keras variable."""
    named = {}
    for role, net, trained in (
        ("generator", generator, combined),
        ("discriminator", discriminator, discriminator),
    ):
        weights = dict(_weights(role, net))
        names = {variable.path: name for name, variable in weights.items()}
        named |= weights | dict(_slots(trained.optimizer, net.trainable_variables, names))
        named[f"{role}/iteration"] = trained.optimizer.iterations
    return named


def _weights(role, model):
    """Yields (name, variable) of every weight of a model."""
    for i, layer in enumerate(model.layers):
        for variable in layer.weights:
            inner = variable.path.split("/", 1)[1] if isinstance(layer, keras.Model) else variable.name
            yield f"{role}/{i}/{inner}", variable


def _slots(optimizer, variables, names):
    """Yields (name, variable) of an Adam's moments."""
    own = {v.name: v for v in optimizer.variables}
    for variable in variables:
        for slot in ("momentum", "velocity"):
            name = f"{variable.path.replace('/', '_')}_{slot}"
            yield f"{names[variable.path]}/{slot}", own[name]
