"""VGG-16 against torchvision's."""

import torchvision
from torch import nn

from tests.support.torchvision_models import assert_same_logits, copied, filled, images, made


def test_vgg16_is_torchvisions_convolutions_under_one_linear_layer():
    model = filled(torchvision.models.vgg16_bn(num_classes=10))
    for layer in model.features:
        if isinstance(layer, nn.Conv2d):
            layer.bias = None  # normalisation takes it away again
    theirs = nn.Sequential(model.features, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    theirs.append(filled(nn.Linear(512, 10))).eval()
    assert_same_logits(copied(theirs, made("vgg16_bn")), theirs, images(2))
