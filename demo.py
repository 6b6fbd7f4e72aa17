"""Train a convolutional network on real handwritten digits, check its gradients, save it and load it back.

By default the network is LeNet-5 and the images are the 1,797 handwritten digits of the UCI repository that ship inside
scikit-learn, a fifth of which is held out. A folder with MNIST or CIFAR files can be given instead.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tqdm import tqdm

import autograd as ag
import nn
import optim
from autograd.stepping import plots
from nn.data import DataLoader, Dataset, TensorDataset
from nn.data.transforms import RandomCrop

matplotlib.use("Agg")
from matplotlib import pyplot as plt


class Shifted(Dataset):
    """Images and labels, each image moved by up to two pixels in both directions every time it is looked at."""

    def __init__(self, samples: TensorDataset, background: float) -> None:
        self.samples = samples
        self.shift = RandomCrop(32, padding=2, fill=background)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[ag.Tensor, ag.Tensor]:
        image, label = self.samples[index]
        return self.shift(image), label


class Images(NamedTuple):
    """Images (N, C, 32, 32) with mean 0 and variance 1 over the training set, and labels (N,)."""

    name: str
    train: Shifted
    held_out: TensorDataset
    channels: int
    classes: int


class Objective(nn.Module):
    """A network and its loss as one function of the images, for the gradient check."""

    def __init__(self, model: nn.Module, labels: ag.Tensor) -> None:
        super().__init__()
        self.model = model
        self.labels = labels

    def forward(self, images: ag.Tensor) -> ag.Tensor:
        return nn.functional.cross_entropy(self.model(images), self.labels)


MODELS: dict[str, Callable[[int, int], nn.Module]] = {
    "lenet5": lambda channels, classes: nn.models.LeNet5(in_channels=channels, num_classes=classes),
    "lenet5-relu": lambda channels, classes: nn.models.LeNet5(
        in_channels=channels, num_classes=classes, activation="relu", pooling="max"
    ),
    "mlp": lambda channels, classes: nn.Sequential(
        nn.Flatten(), nn.Linear(channels * 32 * 32, 128), nn.ReLU(), nn.Linear(128, classes)
    ),
    "linear": lambda channels, classes: nn.Sequential(nn.Flatten(), nn.Linear(channels * 32 * 32, classes)),
}

OPTIMIZERS: dict[str, tuple[Callable[..., optim.Optimizer], dict[str, Any]]] = {
    "sgd": (optim.SGD, {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    "adam": (optim.Adam, {"lr": 4e-3}),
    "adamw": (optim.AdamW, {"lr": 2e-3}),
    "rmsprop": (optim.RMSprop, {"lr": 1e-3}),
    "adagrad": (optim.Adagrad, {"lr": 2e-2}),
}


def digits(seed: int) -> Images:
    """The UCI digits, 8×8 pixels, each pixel drawn as a square of 3×3, in the middle of 32×32."""
    data = load_digits()
    pixels = np.pad(np.kron(data.images, np.ones((3, 3))), ((0, 0), (4, 4), (4, 4)))[:, None]  # (N, 1, 32, 32)
    split = train_test_split(pixels, data.target, test_size=0.2, stratify=data.target, random_state=seed)
    train_pixels, test_pixels, train_labels, test_labels = split
    return normalized("UCI digits", train_pixels, train_labels, test_pixels, test_labels)


def from_folder(folder: Path) -> Images:
    """MNIST (or Fashion-MNIST), CIFAR-10 or CIFAR-100, whichever the folder holds."""
    missing = []
    for reader in (nn.data.MNIST, nn.data.CIFAR10, nn.data.CIFAR100):
        try:
            train, test = reader(folder, train=True), reader(folder, train=False)
        except FileNotFoundError as error:
            missing.append(str(error))
            continue
        pixels = []
        for part in (train, test):
            images = np.asarray(part.data)  # (N, 28, 28) or (N, 32, 32, 3)
            if images.ndim == 3:
                pixels.append(np.pad(images, ((0, 0), (2, 2), (2, 2)))[:, None])
            else:
                pixels.append(images.transpose(0, 3, 1, 2))
        return normalized(reader.__name__, pixels[0], train.targets, pixels[1], test.targets)
    raise SystemExit(f"demo: no data set that it knows in {folder}\n" + "\n".join(missing))


def normalized(
    name: str, train: np.ndarray, train_labels: np.ndarray, test: np.ndarray, test_labels: np.ndarray
) -> Images:
    mean, deviation = train.mean(), train.std()

    def dataset(pixels: np.ndarray, labels: np.ndarray) -> TensorDataset:
        scaled = ((pixels - mean) / deviation).astype(np.float32)
        return TensorDataset(ag.tensor(scaled), ag.tensor(np.asarray(labels, np.int64)))

    classes = int(np.max(train_labels)) + 1
    shifted = Shifted(dataset(train, train_labels), background=-mean / deviation)
    return Images(name, shifted, dataset(test, test_labels), train.shape[1], classes)


def train_epoch(model: nn.Module, optimizer: optim.Optimizer, batches: DataLoader, bar: tqdm) -> list[float]:
    """One pass over the training images, shown on the progress bar; returns the loss of each step."""
    model.train()
    losses: list[float] = []
    total = right = seen = 0
    for images, labels in batches:
        optimizer.zero_grad()
        scores = model(images)
        loss = nn.functional.cross_entropy(scores, labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        total += losses[-1]
        right += int((scores.data.argmax(1) == labels.data).sum())
        seen += len(labels)
        bar.set_postfix(loss=f"{total / len(losses):.4f}", accuracy=f"{right / seen:.2%}", refresh=False)
        bar.update()
    return losses


def predictions(model: nn.Module, dataset: TensorDataset) -> tuple[np.ndarray, np.ndarray]:
    """What the model takes each image for, and what it is."""
    model.eval()
    guesses, truths = [], []
    with ag.no_grad():
        for images, labels in DataLoader(dataset, batch_size=256):
            guesses.append(model(images).data.argmax(1))
            truths.append(labels.data)
    return np.concatenate(guesses), np.concatenate(truths)


def accuracy(model: nn.Module, dataset: TensorDataset) -> float:
    guesses, truths = predictions(model, dataset)
    return float((guesses == truths).mean())


def check_gradients(model: nn.Module, dataset: TensorDataset, seed: int) -> ag.numeric.GradcheckReport:
    """Some elements of every parameter's gradient on eight held-out images, by backprop and by finite differences."""
    images, labels = dataset[:8]
    return ag.gradcheck(Objective(model, labels).eval(), [images], wrt="parameters", sample=2, seed=seed)


def draw_loss(losses: Sequence[float], epochs: int, path: Path) -> None:
    axes = plots.loss_curves(losses, epochs=epochs)
    axes.set(ylabel="cross-entropy", title="Training loss of each batch, and its running mean")
    save_figure(axes.figure, path)


def draw_filters(model: nn.Module, path: Path) -> None:
    """The filters of the first layer; of a linear layer, the weights of at most 32 outputs, seen as images."""
    weight = next(p for p in model.parameters() if p.ndim > 1).data
    title = "First-layer filters"
    if weight.ndim == 2:
        if len(weight) > 32:
            title += f" (32 of {len(weight)})"
        weight = weight[:32].reshape(min(32, len(weight)), -1, 32, 32)
    axes = plots.filters(weight)
    axes.set_title(title)
    save_figure(axes.figure, path)


def draw_confusion(model: nn.Module, data: Images, path: Path) -> None:
    guesses, truths = predictions(model, data.held_out)
    counts = np.zeros((data.classes, data.classes), int)
    np.add.at(counts, (truths, guesses), 1)
    figure, axes = plt.subplots(figsize=(6, 5.5))
    axes.imshow(np.log1p(counts), cmap="Blues")
    if data.classes <= 20:
        for (row, column), count in np.ndenumerate(counts):
            if count:
                colour = "white" if row == column else "black"
                axes.text(column, row, str(count), ha="center", va="center", color=colour, fontsize=9)
        axes.set(xticks=range(data.classes), yticks=range(data.classes))
    axes.set(xlabel="predicted", ylabel="true", title="Held-out images: true class against predicted")
    save_figure(figure, path)


def save_figure(figure: plt.Figure, path: Path) -> None:
    figure.savefig(path, dpi=120, bbox_inches="tight")
    plt.close(figure)


def seed(text: str) -> int:
    """A number that random numbers can start from; parses `--seed`."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"has to be 0 or more, got {value}")
    return value


def positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"has to be at least 1, got {value}")
    return value


def rate(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"has to be finite and at least 0, got {text}")
    return value


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="demo.py", description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.set_defaults(lr=None, data=None)  # None, which the help need not show
    parser.add_argument("--epochs", type=positive, default=30, help="passes over the training images")
    parser.add_argument("--batch-size", type=positive, default=32, help="images in a step")
    parser.add_argument("--model", choices=MODELS, default="lenet5", help="the network")
    parser.add_argument("--optimizer", choices=OPTIMIZERS, default="adam", help="the update rule")
    parser.add_argument(
        "--lr", type=rate, default=argparse.SUPPRESS, help="learning rate (each optimizer has its own default)"
    )
    parser.add_argument("--seed", type=seed, default=0, help="of the split, the weights and the order of the images")
    parser.add_argument(
        "--data", type=Path, default=argparse.SUPPRESS, help="a folder with MNIST or CIFAR files, instead of the digits"
    )
    parser.add_argument("--output", type=Path, default=Path("demo-output"), help="the folder for weights and pictures")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> float:
    """Run the demo and return the accuracy on held-out images."""
    options = parse(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    ag.manual_seed(options.seed)
    data = digits(options.seed) if options.data is None else from_folder(options.data)
    build = MODELS[options.model]
    model = build(data.channels, data.classes)
    algorithm, settings = OPTIMIZERS[options.optimizer]
    if options.lr is not None:
        settings = settings | {"lr": options.lr}
    optimizer = algorithm(model.parameters(), **settings)
    scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, options.epochs)
    batches = DataLoader(data.train, batch_size=options.batch_size, shuffle=True)
    parameters = sum(p.size for p in model.parameters())
    print(
        f"{options.model}, {parameters:,} parameters, on {data.name}: "
        f"{len(data.train):,} images to train on, {len(data.held_out):,} held out\n"
    )

    losses: list[float] = []
    start = time.perf_counter()
    with tqdm(total=options.epochs * len(batches), unit="batch") as bar:
        for epoch in range(options.epochs):
            bar.set_description(f"epoch {epoch + 1}/{options.epochs}")
            losses += train_epoch(model, optimizer, batches, bar)
            scheduler.step()
    if not math.isfinite(losses[-1]):
        raise SystemExit("demo: the loss is not finite any more; try a lower --lr")
    reached = accuracy(model, data.held_out)
    print(f"\nHeld-out accuracy {reached:.2%} after {time.perf_counter() - start:.1f} s of training\n")

    print("Gradients of the trained network, backprop beside finite differences:\n")
    report = check_gradients(model, data.held_out, options.seed)
    print(report, "\n")

    weights = options.output / "weights.npz"
    nn.save(model, weights)
    fresh = build(data.channels, data.classes)
    fresh.load_state_dict(nn.load(weights))
    again = accuracy(fresh, data.held_out)
    print(f"The weights, saved and loaded into a fresh model, give {again:.2%}")
    if again != reached:
        raise SystemExit("demo: the loaded model does not do what the trained one does")

    draw_loss(losses, options.epochs, options.output / "loss.png")
    draw_filters(model, options.output / "filters.png")
    draw_confusion(model, data, options.output / "confusion.png")
    written = ", ".join(
        str(options.output / name) for name in ("weights.npz", "loss.png", "filters.png", "confusion.png")
    )
    print(f"Wrote {written}")
    if not report:
        raise SystemExit("demo: a gradient disagrees with finite differences")
    return reached


if __name__ == "__main__":
    main()
