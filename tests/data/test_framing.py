import numpy as np
import pytest
from pictures_on_disk import noise

from henkan.data.frame import Cut
from henkan.data.framing import Center, CropFlip, Fit
from henkan.errors import UserError
from henkan.randomness import generator_for


def test_without_resizing_a_crop_is_a_crop() -> None:
    picture = noise(9, 11)
    assert np.array_equal(Cut(2, 3, 5, 5, False)(picture), picture[2:7, 3:8])
    assert np.array_equal(Cut(2, 3, 5, 5, True)(picture), picture[2:7, 7:2:-1])


def test_shrinking_averages() -> None:
    picture = noise(8, 8)
    blocks = picture.reshape(4, 2, 4, 2, 3).mean(axis=(1, 3))
    assert np.abs(Cut(0, 0, 8, 4, False)(picture) - blocks).max() <= 0.51


@pytest.mark.parametrize(("height", "width"), [(96, 96), (64, 200), (20, 30), (64, 64)])
def test_crops_lie_inside_and_reach_every_border(height: int, width: int) -> None:
    framing = CropFlip(16, [16, 24])
    frames = [framing.draw(height, width, generator_for(0, i), "a.png") for i in range(400)]
    for frame in frames:
        assert frame.top >= 0 and frame.left >= 0
        assert frame.top + frame.side <= height and frame.left + frame.side <= width
        assert 16 / 24 - 0.04 <= frame.side / min(height, width) <= 1
        assert frame(np.zeros((height, width, 3), np.uint8)).shape == (16, 16, 3)
    assert min(frame.left for frame in frames) <= width // 20
    assert max(frame.left + frame.side for frame in frames) >= width - width // 20
    assert {frame.mirror for frame in frames} == {False, True}
    assert np.mean([frame.mirror for frame in frames]) == pytest.approx(0.5, abs=0.1)


def test_the_draw_is_a_function_of_the_generator() -> None:
    draws = [CropFlip(8, [8, 12]).draw(40, 30, generator_for(1, "x"), "a") for _ in range(2)]
    assert draws[0] == draws[1] != CropFlip(8, [8, 12]).draw(40, 30, generator_for(2, "x"), "a")


def test_center() -> None:
    picture = noise(10, 14)
    frame = Center(6).draw(10, 14, generator_for(0), "a.png")
    assert np.array_equal(frame(picture), picture[2:8, 4:10])
    frame = Center(5, resize=10).draw(20, 30, generator_for(0), "a.png")
    assert (frame.top, frame.left, frame.side) == (5, 10, 10)


def test_smaller_than_the_crop_is_named() -> None:
    for framing in (CropFlip(16, None), Center(16)):
        with pytest.raises(UserError, match=r"small\.png is 20x12 pixels, smaller than the 16x16 crop"):
            framing.draw(12, 20, generator_for(0), "small.png")


@pytest.mark.parametrize("resize", [[8, 24], [24, 16]])
def test_a_range_that_cannot_be(resize: list[int]) -> None:
    with pytest.raises(UserError, match=r"augmentation\.resize"):
        CropFlip(16, resize)
    with pytest.raises(UserError, match="smaller than the cut"):
        Center(16, 12)


def test_a_whole_picture_is_fitted() -> None:
    picture = noise(8, 12)
    rng = generator_for(0, 0)
    blocks = picture.reshape(4, 2, 6, 2, 3).mean(axis=(1, 3))
    half, same, double = (Fit(size).draw(8, 12, rng, "a") for size in (6, 12, 24))
    assert np.abs(half(picture) - blocks).max() <= 0.51
    assert np.array_equal(same(picture), picture) and same(picture) is not picture
    assert double(picture).shape == (16, 24, 3) and half(picture[..., :1]).shape == (4, 6, 1)
    assert [frame.keeps(picture.shape) for frame in (half, same, double)] == [False, True, False]
    assert np.array_equal(half.matrix @ [12, 8, 1], [6, 4])
    assert set(np.unique(half(picture, 0.5))) <= {0, *range(128, 256)}
