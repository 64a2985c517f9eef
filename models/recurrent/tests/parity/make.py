"""Makes gru.json and lstm.json: what PyTorch computes for two small nets, to compare ours with.

    pip install torch==2.13.0 numpy==2.4.6     # the CPU alone is used
    python make.py

A series of 24 rows and 3 columns is cut into 19 windows of 4 rows of context and 2 of horizon, more than one chunk of our
threads; targets are columns 0 and 2. Written are the parameters, the outputs and the loss, the gradients of the loss, and
the parameters and losses of three Adam steps on all windows with the gradients' norm clipped; the same for Adam and AdamW
with weight decay.
"""

import copy
import json
import platform

import torch
from torch import nn

ROWS, INPUTS, CONTEXT, HORIZON, TARGETS = 24, 3, 4, 2, [0, 2]
HIDDEN, LAYERS, LR, CLIP, STEPS, DECAY = 5, 2, 0.05, 0.05, 3, 0.1


class Net(nn.Module):
    def __init__(self, cell):
        super().__init__()
        self.rnn = cell(INPUTS, HIDDEN, LAYERS, batch_first=True)
        self.head = nn.Linear(HIDDEN, HORIZON * len(TARGETS))

    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])


def flat(tensors):
    return {name: {"shape": list(t.shape), "values": t.detach().reshape(-1).tolist()} for name, t in tensors}


def make(name, cell, seed):
    torch.manual_seed(seed)
    rows = torch.rand(ROWS, INPUTS) * 2 - 1
    origins = range(CONTEXT, ROWS - HORIZON + 1)
    x = torch.stack([rows[o - CONTEXT:o] for o in origins])
    y = torch.stack([rows[o:o + HORIZON, TARGETS].reshape(-1) for o in origins])
    net = Net(cell)
    made = {"torch": torch.__version__, "python": platform.python_version(), "rows": rows.tolist(), "targets": TARGETS,
            "context": CONTEXT, "horizon": HORIZON, "hidden": HIDDEN, "layers": LAYERS, "lr": LR, "clip": CLIP, "weight_decay": DECAY,
            "parameters": flat(net.state_dict().items())}
    start = copy.deepcopy(net.state_dict())
    for key, optimizer in (("adam_decay", torch.optim.Adam), ("adamw", torch.optim.AdamW)):
        net.load_state_dict(start)
        optimizer = optimizer(net.parameters(), lr=LR, weight_decay=DECAY)
        for _ in range(STEPS):
            optimizer.zero_grad()
            nn.functional.mse_loss(net(x), y).backward()
            nn.utils.clip_grad_norm_(net.parameters(), CLIP)
            optimizer.step()
        made[key] = flat(net.state_dict().items())
    net.load_state_dict(start)
    optimizer = torch.optim.Adam(net.parameters(), lr=LR)
    losses = []
    for step in range(STEPS):
        optimizer.zero_grad()
        outputs = net(x)
        loss = nn.functional.mse_loss(outputs, y)
        loss.backward()
        losses.append(loss.item())
        if step == 0:
            made["outputs"] = outputs.tolist()
            made["gradients"] = flat((n, p.grad) for n, p in net.named_parameters())
        norm = nn.utils.clip_grad_norm_(net.parameters(), CLIP).item()
        assert norm > CLIP, f"clipping must act: {norm}"
        optimizer.step()
    made["losses"] = losses
    made["after"] = flat(net.state_dict().items())
    with open(f"{name}.json", "w") as file:
        json.dump(made, file, separators=(",", ":"))
        file.write("\n")


torch.set_num_threads(1)
make("gru", nn.GRU, 1)
make("lstm", nn.LSTM, 2)
