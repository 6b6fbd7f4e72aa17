"""Losses as modules; formulas, shapes and errors are those of the functions in `nn.functional`."""

from nn.layers.loss.adaptive import AdaptiveLogSoftmaxWithLoss, AdaptiveSoftmaxOutput
from nn.layers.loss.classification import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    LinearCrossEntropyLoss,
    NLLLoss,
)
from nn.layers.loss.margin import (
    BinaryHingeLoss,
    CosineEmbeddingLoss,
    HingeEmbeddingLoss,
    MarginRankingLoss,
    MultiLabelMarginLoss,
    MultiLabelSoftMarginLoss,
    MultiMarginLoss,
    SoftMarginLoss,
    TripletMarginLoss,
    TripletMarginWithDistanceLoss,
)
from nn.layers.loss.probabilistic import (
    GaussianNLLLoss,
    KLDivLoss,
    PoissonNLLLoss,
)
from nn.layers.loss.regression import (
    HuberLoss,
    L1Loss,
    MSELoss,
    SmoothL1Loss,
)

__all__ = [
    "AdaptiveLogSoftmaxWithLoss",
    "AdaptiveSoftmaxOutput",
    "BCELoss",
    "BCEWithLogitsLoss",
    "BinaryHingeLoss",
    "CosineEmbeddingLoss",
    "CrossEntropyLoss",
    "GaussianNLLLoss",
    "HingeEmbeddingLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "LinearCrossEntropyLoss",
    "MSELoss",
    "MarginRankingLoss",
    "MultiLabelMarginLoss",
    "MultiLabelSoftMarginLoss",
    "MultiMarginLoss",
    "NLLLoss",
    "PoissonNLLLoss",
    "SmoothL1Loss",
    "SoftMarginLoss",
    "TripletMarginLoss",
    "TripletMarginWithDistanceLoss",
]
