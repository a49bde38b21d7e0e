"""Logits are the classifier on the features."""

import pytest
import torch
from torch import nn

from mubench.models.classifier import Classifier
from tests.support.built_models import BUILT, inputs_of, make


@pytest.mark.parametrize("name", BUILT)
def test_logits_are_the_classifier_on_the_features(name):
    model, x = make(name).eval(), inputs_of(name, 3)
    with torch.no_grad():
        features = model.features(x)
        assert isinstance(model, Classifier)
        assert isinstance(model.classifier, nn.Linear)
        assert features.shape == (3, model.classifier.in_features)
        assert torch.equal(model(x), model.classifier(features))
        assert model(x).shape == (3, 10)
