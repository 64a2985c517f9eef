#!/usr/bin/env python3
"""Requests for forecasts over HTTP beside FastAPI, uvicorn and PyTorch: a GRU of 2 x 128, one window a request, one core each.

    benches/serving.py --flits target/release/flits --infer target/release/infer --peer ../shared/reference --python PYTHON \\
        --data ../shared/data/PobleSec.csv [--seconds 10] [--rounds 3]

PYTHON needs fastapi, uvicorn and torch. A champion of each kind is made first. Both servers are pinned to core 0 and `wrk` to core 1; they alternate. The peer gets the 17 scaled inputs that its model takes; we
get the 11 measured columns in original units with the time of the first row, and scale them, add the calendar and unscale the answer.
"""
import argparse, csv, json, os, re, signal, statistics, subprocess, sys, tempfile, time, urllib.error, urllib.request

ROWS, COLUMNS = 10, 11


def get(url, body=None, timeout=30):
    request = urllib.request.Request(url, data=body, headers={"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        return answer.read()


def wait_for(what, seconds=60):
    end = time.monotonic() + seconds
    while True:
        try:
            return what()
        except (OSError, urllib.error.URLError):
            if time.monotonic() > end:
                raise
            time.sleep(0.005)


def script(folder, name, body, pause_ms=0):
    path = os.path.join(folder, name + ".lua")
    with open(path, "w") as file:
        if pause_ms:
            file.write(f"function delay() return {pause_ms} end\n")
        file.write(f"wrk.method = 'POST'\nwrk.body = [==[{body}]==]\nwrk.headers['Content-Type'] = 'application/json'\n")
    return path


LATENCY = re.compile(r"^\s+(50|90|99)%\s+([0-9.]+)(us|ms|s)$", re.M)
UNIT = {"us": 1e-3, "ms": 1.0, "s": 1e3}


def load(url, lua, seconds, connections):
    command = ["taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", lua, url]
    text = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    errors = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    if errors:
        sys.exit(f"{url}: {errors[1]} answers were refused\n{text}")
    rate = float(re.search(r"Requests/sec:\s+([0-9.]+)", text)[1])
    return rate, {int(share): float(value) * UNIT[unit] for share, value, unit in LATENCY.findall(text)}


IDLE = r"""
import resource, socket, sys
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
held = []
for _ in range(int(sys.argv[2])):
    held.append(socket.create_connection(("127.0.0.1", int(sys.argv[1]))))
print(len(held), flush=True)
sys.stdin.read()
"""


def memory_mib(pid, what="VmHWM"):
    with open(f"/proc/{pid}/status") as file:
        return int(re.search(what + r":\s+(\d+)", file.read())[1]) / 1024


def champion(a, folder, name, models):
    command = [a.flits, "run", a.data, "--dir", folder, "--dataset", name, "--set", "window.context=10", "--set", "window.horizon=1",
               "--set", f"models={models}", "--set", "promote.refit=false", "--set", "promote.metric=rmse", "--json"]
    result = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])
    if not result["ok"]:
        sys.exit(f"{name}: no champion: {result}")
    if result["champion"]["model"] != name:
        sys.exit(f"{name}: {result['champion']['model']} is champion instead")
    return result["champion"]["model"]


p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
for name in ("flits", "infer", "peer", "python", "data"):
    p.add_argument("--" + name, required=True)
p.add_argument("--seconds", type=int, default=10)
p.add_argument("--rounds", type=int, default=3)
p.add_argument("--connections", type=int, default=16)
p.add_argument("--idle", type=int, default=10_000)
a = p.parse_args()
folder = tempfile.mkdtemp()
kinds = {"gru": '[{kind="gru",hidden=128,layers=2,epochs=5,lr=0.001}]', "linear": '["linear"]', "ets": '["ets"]'}
for name, models in kinds.items():
    print(f"champion of `{name}`:", champion(a, folder, name, models), flush=True)

up = subprocess.Popen([a.flits, "up", "--dir", folder, "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
json.loads(up.stdout.readline())
address = json.load(open(os.path.join(folder, "address.json")))
environment = dict(os.environ, PORT="8701", FLITS__LOG__FILTER="warn", FLITS__STORE__BUCKET=address["bucket"])
for section, url in (("STORE", address["s3"]), ("QUEUE", address["sqs"])):
    environment |= {f"FLITS__{section}__ENDPOINT": url, f"FLITS__{section}__ACCESS_KEY": address["access_key"],
                    f"FLITS__{section}__SECRET_KEY": address["secret_key"]}
with open(a.data, newline="") as file:
    rows = list(csv.reader(file))
header, last = rows[0], rows[-400:]
columns = header[1 : 1 + COLUMNS]


def ours(name, count):
    inputs = [{"name": column, "series": [float(row[place + 1]) for row in last[-count:]]} for place, column in enumerate(columns)]
    return json.dumps({"model": name, "inputs": inputs, "options": {"horizon": 1}})


starts = []
for _ in range(11):
    began = time.monotonic()
    infer = subprocess.Popen(["taskset", "-c", "0", a.infer], env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: get("http://127.0.0.1:8701/v1/timeseries/forecast", ours("gru", ROWS).encode()))
    starts.append((time.monotonic() - began) * 1e3)
    peak = memory_mib(infer.pid)
    infer.send_signal(signal.SIGTERM)
    infer.wait()
print(f"process start to the first forecast: {statistics.median(starts):.0f} ms ({min(starts):.0f} to {max(starts):.0f}), {peak:.0f} MiB at most")

infer = subprocess.Popen(["taskset", "-c", "0", a.infer], env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
peer = subprocess.Popen(["taskset", "-c", "0", a.python, "-m", "uvicorn", "serve:app", "--app-dir", a.peer, "--host", "127.0.0.1", "--port", "8700",
                         "--workers", "1", "--log-level", "warning", "--no-access-log"])
window = json.dumps({"data": [[0.5] * 17] * ROWS})
targets = {
    "peer": ("http://127.0.0.1:8700/predict", script(folder, "peer", window)),
    "gru": ("http://127.0.0.1:8701/v1/timeseries/forecast", script(folder, "gru", ours("gru", ROWS))),
    "linear": ("http://127.0.0.1:8701/v1/timeseries/forecast", script(folder, "linear", ours("linear", 400))),
    "ets": ("http://127.0.0.1:8701/v1/timeseries/forecast", script(folder, "ets", ours("ets", 400))),
}
try:
    wait_for(lambda: get(targets["peer"][0], window.encode()))
    for name in kinds:
        wait_for(lambda: get(targets[name][0], ours(name, 400 if name != "gru" else ROWS).encode()))
    rates = {name: [] for name in targets}
    tails = {name: [] for name in targets}
    for _ in range(a.rounds):
        for name, (url, lua) in targets.items():
            rate, latency = load(url, lua, a.seconds, a.connections)
            rates[name].append(rate)
            tails[name].append(latency)
    for name in targets:
        middle = statistics.median(rates[name])
        ratio = statistics.median(ours / theirs for ours, theirs in zip(rates[name], rates["peer"]))
        p99 = statistics.median(latency[99] for latency in tails[name])
        print(f"{name}: {middle:.0f} requests/s ({min(rates[name]):.0f} to {max(rates[name]):.0f}), {ratio:.2f} x the peer, p99 {p99:.1f} ms at full load")
    # Each connection pauses before a request, so that all of them send at half of the rate.
    many = 64
    pause_ms = round(many * 1000 / (statistics.median(rates["gru"]) / 2))
    steady = script(folder, "steady", ours("gru", ROWS), pause_ms)
    rate, latency = load(targets["gru"][0], steady, a.seconds, many)
    print(f"gru at {rate:.0f} requests/s over {many} connections: p50 {latency[50]:.2f} ms, p99 {latency[99]:.2f} ms")
    before = memory_mib(infer.pid, "VmRSS")
    idle = subprocess.Popen([sys.executable, "-c", IDLE, "8701", str(a.idle)], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
    opened = int(idle.stdout.readline())
    began = time.monotonic()
    get(targets["gru"][0], ours("gru", ROWS).encode())
    print(f"with {opened} idle connections: answers in {(time.monotonic() - began) * 1e3:.1f} ms, {memory_mib(infer.pid, 'VmRSS'):.0f} MiB (before: {before:.0f})")
    idle.kill()
finally:
    for server in (infer, peer, up):
        server.terminate()
        server.wait()
