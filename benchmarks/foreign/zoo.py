"""One small network of each architecture that spandrel knows, with random weights.

Not here: what is refused for its purpose (GFPGAN, RestoreFormer, LaMa), AuraSR; and IPT, whose
export takes many minutes.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from upscaler_export.foreign.networks import spandrel

_A = spandrel().architectures
_SWIN = {"embed_dim": 16, "depths": [2], "num_heads": [2], "window_size": 8, "mlp_ratio": 2.0}
_UNET = {"nc": [8, 16, 16, 16], "nb": 2}

ZOO: dict[str, Callable[[], nn.Module]] = {
    "ESRGAN x4": lambda: _A.ESRGAN.ESRGAN(num_filters=16, num_blocks=1),
    "ESRGAN x2": lambda: _A.ESRGAN.ESRGAN(num_filters=16, num_blocks=1, scale=2),
    "ESRGAN x1": lambda: _A.ESRGAN.ESRGAN(num_filters=16, num_blocks=1, scale=1),
    "ESRGAN x8": lambda: _A.ESRGAN.ESRGAN(num_filters=16, num_blocks=1, scale=8),
    "ESRGAN+": lambda: _A.ESRGAN.ESRGAN(num_filters=16, num_blocks=1, plus=True),
    "ESRGAN, unshuffled": lambda: _A.ESRGAN.ESRGAN(
        in_nc=3 * 4, num_filters=16, num_blocks=1, scale=4, shuffle_factor=2
    ),
    "Compact": lambda: _A.Compact.Compact(num_feat=16, num_conv=2),
    "SwiftSRGAN": lambda: _A.SwiftSRGAN.SwiftSRGAN(num_channels=16, num_blocks=1),
    "SPAN": lambda: _A.SPAN.SPAN(num_in_ch=3, num_out_ch=3, feature_channels=16),
    "SPAN, without norm": lambda: _A.SPAN.SPAN(
        num_in_ch=3, num_out_ch=3, feature_channels=16, norm=False
    ),
    "PLKSR": lambda: _A.PLKSR.PLKSR(dim=16, n_blocks=1),
    "RealPLKSR": lambda: _A.PLKSR.RealPLKSR(dim=16, n_blocks=1),
    "RealPLKSR, LayerNorm": lambda: _A.PLKSR.RealPLKSR(dim=16, n_blocks=1, layer_norm=True),
    "RealPLKSR, DySample": lambda: _A.PLKSR.RealPLKSR(dim=16, n_blocks=1, dysample=True),
    "RealCUGAN x2": _A.RealCUGAN.UpCunet2x,
    "RealCUGAN x3": _A.RealCUGAN.UpCunet3x,
    "RealCUGAN x4": _A.RealCUGAN.UpCunet4x,
    "RealCUGAN x2 pro": lambda: _A.RealCUGAN.UpCunet2x(pro=True),
    "MoSR": lambda: _A.MoSR.MoSR(n_block=1, dim=16),
    "MoSR, DySample": lambda: _A.MoSR.MoSR(n_block=1, dim=16, upsampler="dys"),
    "MoESR": lambda: _A.MoESR.MoESR(dim=16, n_blocks=1, n_block=1),
    "MoESR, DySample": lambda: _A.MoESR.MoESR(dim=16, n_blocks=1, n_block=1, upsampler="dysample"),
    "SwinIR": lambda: _A.SwinIR.SwinIR(**_SWIN, upscale=4, upsampler="nearest+conv"),
    "SwinIR, light": lambda: _A.SwinIR.SwinIR(**_SWIN, upscale=2, upsampler="pixelshuffledirect"),
    "Swin2SR": lambda: _A.Swin2SR.Swin2SR(**_SWIN, upscale=2, upsampler="pixelshuffle"),
    "HAT": lambda: _A.HAT.HAT(**_SWIN, upscale=2, squeeze_factor=4, compress_ratio=3),
    "DRCT": lambda: _A.DRCT.DRCT(
        embed_dim=16,
        depths=(1,),
        num_heads=(2,),
        window_size=8,
        upscale=2,
        gc=8,
        upsampler="pixelshuffle",
    ),
    "ATD": lambda: _A.ATD.ATD(
        embed_dim=16,
        depths=(2,),
        num_heads=(2,),
        window_size=8,
        num_tokens=8,
        upscale=2,
        upsampler="pixelshuffle",
    ),
    "DAT": lambda: _A.DAT.DAT(embed_dim=32, split_size=[8, 16], depth=[2], num_heads=[2]),
    "RGT": lambda: _A.RGT.RGT(embed_dim=32, split_size=[8, 16], depth=[2], num_heads=[2]),
    "OmniSR": lambda: _A.OmniSR.OmniSR(num_feat=16),
    "GRL": lambda: _A.GRL.GRL(
        embed_dim=16,
        depths=[2],
        num_heads_window=[2],
        num_heads_stripe=[2],
        upscale=2,
        upsampler="pixelshuffle",
        anchor_window_down_factor=2,
    ),
    "CRAFT": lambda: _A.CRAFT.CRAFT(embed_dim=48, depths=[2], num_heads=[6]),
    "FDAT": lambda: _A.FDAT.FDAT(
        embed_dim=16, num_groups=1, depth_per_group=2, num_heads=2, mid_dim=16
    ),
    "RCAN": lambda: _A.RCAN.RCAN(n_resgroups=1, n_resblocks=1, n_feats=16),
    "SAFMN": lambda: _A.SAFMN.SAFMN(dim=16, n_blocks=1),
    "SAFMNBCIE": lambda: _A.SAFMNBCIE.SAFMNBCIE(dim=16, n_blocks=1, num_layers=1),
    "SeemoRe": lambda: _A.SeemoRe.SeemoRe(
        num_experts=3, num_layers=1, embedding_dim=16, use_shuffle=False
    ),
    "DITN": lambda: _A.DITN.DITN(dim=16, ITL_blocks=1, SAL_blocks=1),
    "DCTLSA": lambda: _A.DCTLSA.DCTLSA(nf=15),
    "MMRealSR": lambda: _A.MMRealSR.MMRealSR(
        num_in_ch=3,
        num_out_ch=3,
        num_feat=16,
        num_block=1,
        num_grow_ch=8,
        num_feats=[8, 8, 8, 8],
        num_blocks=[1, 1, 1, 1],
    ),
    "SCUNet": lambda: _A.SCUNet.SCUNet(config=[2, 2, 2, 2, 2, 2, 2], dim=64),
    "NAFNet": lambda: _A.NAFNet.NAFNet(width=8, enc_blk_nums=[1, 1], dec_blk_nums=[1, 1]),
    "KBNet": lambda: _A.KBNet.KBNet_s(
        width=16, middle_blk_num=1, enc_blk_nums=[1, 1], dec_blk_nums=[1, 1]
    ),
    "DnCNN": lambda: _A.DnCNN.DnCNN(in_nc=3, out_nc=3, nc=16, nb=8, act_mode="R"),
    "DnCNN, grey": lambda: _A.DnCNN.DnCNN(nc=16, nb=8, act_mode="R"),
    "FBCNN": lambda: _A.FBCNN.FBCNN(nc=[8, 16, 16, 512], nb=2),
    "DRUNet": lambda: _A.DRUNet.DRUNet(in_nc=4, out_nc=3, **_UNET),
    "Uformer": lambda: _A.Uformer.Uformer(embed_dim=8, depths=[1] * 9),
    "FFTformer": lambda: _A.FFTformer.FFTformer(
        dim=8, num_blocks=[1, 1, 1], num_refinement_blocks=1
    ),
    "RetinexFormer": lambda: _A.RetinexFormer.RetinexFormer(n_feat=8, stage=1),
    "HVI-CIDNet": lambda: _A.HVICIDNet.HVICIDNet(channels=[8, 8, 16, 32]),
    "MixDehazeNet": lambda: _A.MixDehazeNet.MixDehazeNet(embed_dims=[8, 16, 32, 16, 8]),
}
"""By the name that the table has."""


def weights(name: str) -> dict[str, Any]:
    """Return random weights of an architecture, the same each time."""
    torch.manual_seed(0)
    return ZOO[name]().state_dict()
