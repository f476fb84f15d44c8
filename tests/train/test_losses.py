import pytest

torch = pytest.importorskip("torch", reason="needs the [train] extra")

from upscaler_train.training.losses import colour_shift, local_contrast, reconstruction


def test_spectrum_loss_sees_what_pixels_average_away():
    target = torch.zeros(1, 1, 8, 8)
    flat = target + 0.1
    assert reconstruction(flat, target).item() == pytest.approx(0.1)
    assert reconstruction(flat, target, fft=0.05) > reconstruction(flat, target)


def test_contrast_asks_for_texture_wherever_its_grains_lie():
    texture = torch.rand(1, 3, 64, 64, generator=torch.manual_seed(1))
    other = torch.rand(1, 3, 64, 64, generator=torch.manual_seed(2))
    flat = torch.full_like(texture, 0.5)
    assert reconstruction(flat, texture) < reconstruction(other, texture)
    flat_loss, other_loss = (
        reconstruction(image, texture, contrast=2.0) for image in (flat, other)
    )
    assert other_loss < flat_loss
    assert reconstruction(texture, texture, contrast=2.0) == 0
    assert local_contrast(flat).abs().max() == 0
    assert local_contrast(texture).mean() == pytest.approx(1 / 3, rel=0.05)


def test_structure_counts_beside_brightness():
    target = torch.rand(1, 3, 96, 96, generator=torch.manual_seed(1))
    brighter, shuffled = (target + 0.1).requires_grad_(), 1 - target
    plain = [reconstruction(image, target) for image in (brighter, shuffled)]
    structured = [reconstruction(image, target, ms_ssim=0.5) for image in (brighter, shuffled)]
    assert structured[0] - plain[0] < 0.1 < structured[1] - plain[1]
    structured[0].backward()
    assert torch.isfinite(brighter.grad).all()


def test_a_tint_counts_and_noise_does_not():
    low, large = torch.full((1, 3, 32, 32), 0.5), torch.full((1, 3, 64, 64), 0.5)
    tinted, noisy = large.clone(), large.clone()
    tinted[:, 0] += 0.1
    noisy[:, 0, :, ::2], noisy[:, 0, :, 1::2] = 0.6, 0.4
    assert colour_shift(tinted, low).item() == pytest.approx(0.1**2 / 3, rel=1e-4)
    assert colour_shift(noisy, low).item() == pytest.approx(0, abs=1e-9)
