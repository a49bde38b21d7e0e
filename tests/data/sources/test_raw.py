"""Examples as a source returns them, and the fingerprint of their bytes."""

import hashlib

import numpy as np
import pytest

from mubench.data.sources.raw import Part, Raw, fingerprint, input_bytes, label_bytes

IMAGES = np.arange(24, dtype=np.uint8).reshape(4, 1, 2, 3)
LABELS = np.array([1, 0, 1, 2])


def test_a_fingerprint_is_the_hash_of_all_labels_then_all_inputs():
    whole = hashlib.sha256()
    for label in LABELS:
        whole.update(int(label).to_bytes(8, "little"))
    whole.update(bytes(range(24)))
    assert fingerprint([LABELS], [IMAGES]) == whole.hexdigest()


def test_how_examples_are_cut_into_pieces_does_not_matter():
    pieces = fingerprint([LABELS[:1], LABELS[1:]], [IMAGES[:3], IMAGES[3:]])
    assert pieces == fingerprint([LABELS], [IMAGES])
    assert pieces != fingerprint([LABELS[::-1]], [IMAGES])
    assert pieces != fingerprint([LABELS], [IMAGES[::-1]])


def test_texts_end_in_a_zero_byte_and_layouts_in_memory_do_not_matter():
    assert input_bytes(["a", "ü"]) == b"a\0\xc3\xbc\0"
    assert input_bytes(["ab"]) != input_bytes(["a", "b"])
    assert input_bytes(np.asfortranarray(IMAGES)) == IMAGES.tobytes()
    assert label_bytes(LABELS.astype(">i4")) == label_bytes(LABELS)


@pytest.mark.parametrize("inputs", [IMAGES, lambda: iter([IMAGES[:2], IMAGES[2:]])])
def test_a_part_gives_its_inputs_piece_by_piece(inputs):
    part = Part(inputs, LABELS)
    np.testing.assert_array_equal(np.concatenate(list(part.pieces())), IMAGES)
    np.testing.assert_array_equal(np.concatenate(list(part.pieces())), IMAGES)


def test_the_parts_of_a_data_set_are_train_and_test_if_there_is_one():
    train, test = Part(IMAGES, LABELS), Part(IMAGES[:1], LABELS[:1])
    assert Raw(train, None, ("a",)).parts == (train,)
    assert Raw(train, test, ("a",)).parts == (train, test)
