"""Settings and tasks of ascents."""

from tests.support.toy import accuracy, blobs, conv, mlp, same, task_of, train, weights


def momenta(optimizer):
    state = optimizer.state_dict()["state"]
    return {str(key): value["momentum_buffer"] for key, value in state.items()}


def assert_equal_bit_for_bit(first, second, optimizers, n_forget=10, n=21):
    task = task_of(blobs(n), n_forget)
    original = conv()
    a, b = first.run(original, task), second.run(original, task)
    assert a.status == b.status == "ok"
    assert not same(weights(a.model), weights(original))
    assert same(weights(a.model), weights(b.model))
    assert len(optimizers) == 2
    assert same(*map(momenta, optimizers))


PLAIN_SGD = {"momentum": 0.0, "weight_decay": 0.0, "augment": False, "epochs": 3}


def one_class_apart():
    """Three far-off classes, of which the first is to be forgotten."""
    full = blobs(30, noise=0.1)
    order = full.labels.argsort(stable=True)
    task = task_of(full.subset(order), 10)
    original = mlp()
    train(original, full, epochs=60)
    assert accuracy(original, full) == 1.0
    return original, task
