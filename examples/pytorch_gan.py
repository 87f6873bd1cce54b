"""The GAN of the preset `pytorch-gan` as a plain PyTorch program, to compare with.

It writes losses.csv, samples/00000.png ... and gan.pth:

    python examples/pytorch_gan.py --data mnist.npz --epochs 5 --out pytorch-run
"""

import argparse
import csv
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

LATENT_DIM, BATCH_SIZE = 100, 64


def build_generator():
    layers, n_in = [], LATENT_DIM
    for units in (128, 256, 512, 1024):
        norm = [nn.BatchNorm1d(units, 0.8)] if units > 128 else []
        layers += [nn.Linear(n_in, units), *norm, nn.LeakyReLU(0.2)]
        n_in = units
    return nn.Sequential(*layers, nn.Linear(n_in, 28 * 28), nn.Tanh())


def build_discriminator():
    hidden = [nn.Linear(28 * 28, 512), nn.LeakyReLU(0.2), nn.Linear(512, 256), nn.LeakyReLU(0.2)]
    return nn.Sequential(*hidden, nn.Linear(256, 1), nn.Sigmoid())


def train(generator, discriminator, images, epochs, writer):
    """Trains both networks on floats (n, 784) in [-1, 1]; writes a row of losses a step."""
    adam = {"lr": 2e-4, "betas": (0.5, 0.999)}
    optimizer_g = torch.optim.Adam(generator.parameters(), **adam)
    optimizer_d = torch.optim.Adam(discriminator.parameters(), **adam)
    loss, step = nn.BCELoss(), 0
    for _ in range(epochs):
        for real in torch.utils.data.DataLoader(images, BATCH_SIZE, shuffle=True):
            ones, zeros = torch.ones(len(real), 1), torch.zeros(len(real), 1)
            fake = generator(torch.randn(len(real), LATENT_DIM))
            optimizer_g.zero_grad()
            g_loss = loss(discriminator(fake), ones)
            g_loss.backward()
            optimizer_g.step()
            optimizer_d.zero_grad()
            d_loss = (loss(discriminator(real), ones) + loss(discriminator(fake.detach()), zeros)) / 2
            d_loss.backward()
            optimizer_d.step()
            step += 1
            writer.writerow([step, d_loss.item(), g_loss.item()])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default=str(Path.home() / ".keras/datasets/mnist.npz"))
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--samples", type=int, default=5000)
    parser.add_argument("--out", type=Path, default=Path("pytorch-run"))
    args = parser.parse_args()
    (args.out / "samples").mkdir(parents=True)
    images = torch.from_numpy(np.load(args.data)["x_train"].reshape(-1, 784).astype(np.float32) / 127.5 - 1)
    generator, discriminator = build_generator(), build_discriminator()
    with open(args.out / "losses.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["step", "loss_D", "loss_G"])
        train(generator, discriminator, images, args.epochs, writer)
    torch.save({"G": generator.state_dict(), "D": discriminator.state_dict()}, args.out / "gan.pth")
    with torch.no_grad():
        fakes = generator.eval()(torch.randn(args.samples, LATENT_DIM)).numpy().reshape(-1, 28, 28)
    for i, fake in enumerate(np.rint((fakes + 1) * 127.5).astype(np.uint8)):
        Image.fromarray(fake).save(args.out / "samples" / f"{i:05}.png")


if __name__ == "__main__":
    main()
