"""The PyTorch side of torch_state.sh: reads our artifacts, and leaves state dictionaries for us to read."""

import json
import sys

import torch
from safetensors.torch import load_file, save_file
from torch import nn

# Single precision, sums in another order.
TOLERANCE = 1e-5


class Net(nn.Module):
    def __init__(self, cell, inputs, outputs, hidden, layers):
        super().__init__()
        self.rnn = (nn.GRU if cell == "gru" else nn.LSTM)(inputs, hidden, layers, batch_first=True)
        self.head = nn.Linear(hidden, outputs)

    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])


def main(mode, folder):
    for seed, cell in enumerate(("gru", "lstm")):
        with open(f"{folder}/{cell}.json") as file:
            made = json.load(file)
        windows = torch.tensor(made["windows"])
        ours = torch.tensor(made["forecasts"])
        torch.manual_seed(seed)
        net = Net(cell, windows.shape[2], ours.shape[1], made["hidden"], made["layers"]).eval()
        with torch.no_grad():
            if mode == "first":
                # A random net's dictionary for us; its forecasts are made again in the second call, from the same seed.
                save_file(net.state_dict(), f"{folder}/{cell}_torch.safetensors")
                continue
            with open(f"{folder}/{cell}_torch.json") as file:
                report(f"{cell}: PyTorch's state_dict read by us", torch.tensor(json.load(file)), net(windows))
            net.load_state_dict(load_file(f"{folder}/{cell}.safetensors"))
            report(f"{cell}: our artifact read by PyTorch", ours, net(windows))


def report(what, ours, theirs):
    error = ((ours - theirs).abs().max() / theirs.abs().max()).item()
    print(f"{'ok' if error <= TOLERANCE else 'FAILED'}: {what}: {len(ours)} forecasts, largest difference {error:.1e}", flush=True)


main(*sys.argv[1:])
