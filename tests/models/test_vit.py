"""Vision transformers against torchvision's."""

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import nn

from mubench.errors import InputError
from mubench.models.vit import ViT, vit
from tests.support.torchvision_models import (
    TINY,
    assert_same_logits,
    count,
    images,
    made,
    torchvisions,
)


@pytest.mark.parametrize("form", ["safetensors", "pth"])
def test_a_vision_transformer_with_torchvisions_weights_is_torchvisions(form, tmp_path):
    theirs, file = torchvisions(classes=10), tmp_path / f"weights.{form}"
    save = save_file if form == "safetensors" else torch.save
    save(theirs.state_dict(), file)
    ours = vit((3, 32, 32), 10, **TINY, weights=str(file)).eval()
    assert count(ours) == count(theirs)
    assert_same_logits(ours, theirs, images(2))


def test_vit_base_has_torchvisions_parameters():
    with torch.device("meta"):
        theirs = torchvision.models.vit_b_16(num_classes=10)
        ours = made("vit_base")
    assert count(ours) == count(theirs)


def test_smaller_images_are_resized_inside_the_model():
    model = ViT((3, 8, 12), 10, **TINY, resize=16).eval()
    x = torch.rand(2, 3, 8, 12)
    resized = nn.functional.interpolate(x, (16, 16), mode="bilinear")
    with torch.no_grad():
        fixed = ViT((3, 16, 16), 10, **TINY).eval()
        fixed.load_state_dict(model.state_dict())
        assert torch.allclose(model(x), fixed(resized), atol=1e-6)


def test_images_must_divide_into_patches():
    with pytest.raises(InputError) as caught:
        made("vit_mini", side=30)
    assert str(caught.value) == (
        "model ViT: images of 30x30 do not divide into patches of 4x4; take a model that resizes "
        "them"
    )
