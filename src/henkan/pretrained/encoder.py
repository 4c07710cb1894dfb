"""VGG-16 as the start of an encoder that is trained on."""

from __future__ import annotations

from typing import Literal

from henkan.errors import UserError
from henkan.pretrained.features import VGG16, Features, VGG16Oxford

Published = Literal["vgg16", "vgg16_oxford"]
_KINDS: dict[str, type[VGG16] | type[VGG16Oxford]] = {"vgg16": VGG16, "vgg16_oxford": VGG16Oxford}


def published(name: str) -> Features:
    """Return VGG-16 up to `conv5_3`, torchvision's weights (`vgg16`) or its authors' (`vgg16_oxford`).

    Raises `MissingWeights` where the file is absent.
    """
    if name not in _KINDS:
        raise UserError(f"generator.encoder={name} must be {', '.join(_KINDS)}, or null: random weights")
    return _KINDS[name](["conv5_3"])
