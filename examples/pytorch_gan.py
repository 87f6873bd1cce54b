"""The GAN of the preset `pytorch-gan` as a plain PyTorch program, to compare with.

    python examples/pytorch_gan.py --data mnist.npz --epochs 5 --out pytorch-run

It writes losses.csv, samples/00000.png and so on, and the weights of both networks, gan.pth.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--data", default=Path.home() / ".keras/datasets/mnist.npz", help="MNIST as Keras has it")
parser.add_argument("--epochs", type=int, default=5)
parser.add_argument("--samples", type=int, default=5000)
parser.add_argument("--out", type=Path, default="pytorch-run")
args = parser.parse_args()

(args.out / "samples").mkdir(parents=True)
images = np.load(args.data)["x_train"].reshape(-1, 28 * 28)
images = torch.from_numpy(images.astype(np.float32) / 127.5 - 1)
slope = nn.LeakyReLU(0.2)


def block(n_in, n_out):
    return nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out, 0.8), slope


hidden = [nn.Linear(100, 128), slope, *block(128, 256), *block(256, 512), *block(512, 1024)]
generator = nn.Sequential(*hidden, nn.Linear(1024, 28 * 28), nn.Tanh())
hidden = [nn.Linear(28 * 28, 512), slope, nn.Linear(512, 256), slope]
discriminator = nn.Sequential(*hidden, nn.Linear(256, 1), nn.Sigmoid())
loss = nn.BCELoss()
optimizer_g = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
optimizer_d = torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999))

lines = ["step,loss_D,loss_G"]
for epoch in range(1, args.epochs + 1):
    for real in torch.utils.data.DataLoader(images, batch_size=64, shuffle=True):
        ones, zeros = torch.ones(len(real), 1), torch.zeros(len(real), 1)
        fake = generator(torch.randn(len(real), 100))
        optimizer_g.zero_grad()
        loss_g = loss(discriminator(fake), ones)
        loss_g.backward()
        optimizer_g.step()
        optimizer_d.zero_grad()
        loss_d = (loss(discriminator(real), ones) + loss(discriminator(fake.detach()), zeros)) / 2
        loss_d.backward()
        optimizer_d.step()
        lines.append(f"{len(lines)},{loss_d.item()},{loss_g.item()}")
    print(f"epoch {epoch} of {args.epochs}: loss_D {loss_d.item():.3f}, loss_G {loss_g.item():.3f}")

(args.out / "losses.csv").write_text("\n".join(lines) + "\n")
torch.save({"G": generator.state_dict(), "D": discriminator.state_dict()}, args.out / "gan.pth")
with torch.no_grad():
    fakes = generator.eval()(torch.randn(args.samples, 100)).numpy().reshape(-1, 28, 28)
for i, fake in enumerate(np.rint((fakes + 1) * 127.5).astype(np.uint8)):
    Image.fromarray(fake).save(args.out / "samples" / f"{i:05}.png")
