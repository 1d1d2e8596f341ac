#!/usr/bin/env python3
"""Swaps of real pools of Uniswap on an anvil, with each pool's state before: what the contracts say.

    npm install @uniswap/v2-core@1.0.1 @uniswap/v3-core@1.0.1 @uniswap/v3-periphery@1.4.4
    crates/search/tests/vectors/make.py --anvil anvil --packages node_modules > uniswap.json

The packages bring the contracts' code as it is deployed on Ethereum. It ends only the node that it started.
"""
import argparse
import atexit
import json
import math
import pathlib
import random
import re
import subprocess
import sys
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[4]
parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--anvil", required=True)
parser.add_argument("--packages", required=True, type=pathlib.Path)
parser.add_argument("--seed", type=int, default=7)
options = parser.parse_args()

node = subprocess.Popen([options.anvil, "--port", "0", "--gas-limit", "300000000", "--code-size-limit", "100000"],
                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
for line in node.stdout:
    m = re.match(r"Listening on (\S+)", line)
    if m:
        URL = "http://" + m[1]
        break
atexit.register(node.kill)
threading.Thread(target=lambda: [None for _ in node.stdout], daemon=True).start()

def ask(method, *params):
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    req = urllib.request.Request(URL, body, {"content-type": "application/json"})
    answer = json.load(urllib.request.urlopen(req, timeout=60))
    if "error" in answer:
        raise RuntimeError(f"{method}: {answer['error']}")
    return answer["result"]

ME = ask("eth_accounts")[0]
sel_cache = {}
def sel(sig):
    if sig not in sel_cache:
        sel_cache[sig] = ask("web3_sha3", "0x" + sig.encode().hex())[2:10]
    return sel_cache[sig]
def w(v):
    if isinstance(v, bool): v = int(v)
    if isinstance(v, str): v = int(v, 16)
    return (v % (1 << 256)).to_bytes(32, "big").hex()
def data(sig, *args): return "0x" + sel(sig) + "".join(w(a) for a in args)
def receipt(h):
    for _ in range(600):
        r = ask("eth_getTransactionReceipt", h)
        if r: return r
        time.sleep(0.01)
    raise RuntimeError("no receipt")
def send(to, input_, gas=20_000_000):
    tx = {"from": ME, "data": input_, "gas": hex(gas)}
    if to: tx["to"] = to
    h = ask("eth_sendTransaction", tx)
    r = receipt(h)
    assert r["status"] == "0x1", (to, input_[:10], r)
    return r
def call(to, sig, *args):
    out = ask("eth_call", {"from": ME, "to": to, "data": data(sig, *args)}, "latest")[2:]
    return [int(out[i:i + 64], 16) for i in range(0, len(out), 64)]
def s(v, bits=256):
    v %= 1 << 256
    return v - (1 << 256) if v >> 255 else v
def addr(v): return "0x" + hex(v)[2:].zfill(40)[-40:]
def code(path):
    d = json.load(open(path)); return d["bytecode"] if isinstance(d.get("bytecode"), str) else "0x" + d["evm"]["bytecode"]["object"]
def deploy(bytecode, *args):
    bytecode = bytecode if bytecode.startswith("0x") else "0x" + bytecode
    return send(None, bytecode + "".join(w(a) for a in args))["contractAddress"]

coin = (ROOT / "crates/chain/feeds/Coin.bin").read_text().strip()
tokens = sorted((deploy(coin, 10**40) for _ in range(3)), key=lambda a: int(a, 16))
f2 = deploy(code(options.packages / "@uniswap/v2-core/build/UniswapV2Factory.json"), ME)
f3 = deploy(code(options.packages / "@uniswap/v3-core/artifacts/contracts/UniswapV3Factory.sol/UniswapV3Factory.json"))
weth = tokens[0]
npm = deploy(code(options.packages / "@uniswap/v3-periphery/artifacts/contracts/NonfungiblePositionManager.sol/NonfungiblePositionManager.json"), f3, weth, 0)
ex = deploy((ROOT / "contracts/Executor.bin").read_text().strip())
rnd = random.Random(options.seed)
for t in tokens:
    send(t, data("approve(address,uint256)", npm, 2**256 - 1))

def v2_pool(a, b, ra, rb):
    send(f2, data("createPair(address,address)", a, b))
    pair = addr(call(f2, "getPair(address,address)", a, b)[0])
    send(a, data("transfer(address,uint256)", pair, ra)); send(b, data("transfer(address,uint256)", pair, rb))
    send(pair, data("mint(address)", ME))
    return pair
def v3_pool(a, b, fee, num, den):
    sqrt_price = math.isqrt((num << 192) // den)
    send(f3, data("createPool(address,address,uint24)", a, b, fee))
    pool = addr(call(f3, "getPool(address,address,uint24)", a, b, fee)[0])
    send(pool, data("initialize(uint160)", sqrt_price))
    return pool
SPACING = {100: 1, 500: 10, 3000: 60, 10000: 200}
def add(a, b, fee, lower, upper, amount0, amount1):
    args = [a, b, fee, lower, upper, amount0, amount1, 0, 0, ME, 2**40]
    send(npm, data("mint((address,address,uint24,int24,int24,uint256,uint256,uint256,uint256,address,uint256))", *args))
def v3_state(pool, ticks):
    slot0 = call(pool, "slot0()"); liq = call(pool, "liquidity()")[0]
    found = {}
    for t in sorted(ticks):
        r = call(pool, "ticks(int24)", t)
        if r[0]: found[str(t)] = str(s(r[1]))
    return {"sqrt_price_x96": str(slot0[0]), "tick": s(slot0[1]), "liquidity": str(liq), "ticks": found}

vectors, pools = [], []
def word(pool, slot):
    return ask("eth_getStorageAt", pool, hex(slot), "latest")


def mapped(key, slot):
    return int(ask("web3_sha3", "0x" + w(key) + w(slot)), 16)


def dump(pool, slots, state, **more):
    """What the pool's contract keeps in these slots, beside what it says of itself."""
    kept = {hex(slot): word(pool, slot) for slot in slots}
    pools.append({"address": pool, "storage": kept, "state": state, **more})


# V2: amounts of every size.
PAIRS = [(0, 1), (0, 2), (1, 2)]
SIZES = [(10**18, 2 * 10**18), (10**24, 3 * 10**9), (123456789123, 987654321987654)]
for (i, j), (x, y) in zip(PAIRS, SIZES):
    pair = v2_pool(tokens[i], tokens[j], x, y)
    for _ in range(45):
        r = call(pair, "getReserves()")
        zero = rnd.random() < 0.5
        rin = r[0] if zero else r[1]
        amount = max(1, int(rin * 10 ** rnd.uniform(-9, 0.3)))
        steps = [2, pair, 3000, zero]
        tin = tokens[i] if zero else tokens[j]
        send(tin, data("transfer(address,uint256)", ex, amount))
        path = "0x" + sel("run((uint8,address,uint32,bool)[],uint256,uint256)") + w(96) + w(amount) + w(0) + w(1) + "".join(w(v) for v in steps)
        try:
            ask("eth_call", {"from": ME, "to": ex, "data": path}, "latest")
        except RuntimeError:
            vectors.append({"kind": "v2", "reserves": [str(r[0]), str(r[1])], "fee_ppm": 3000, "zero_for_one": zero, "amount_in": str(amount), "amount_out": None}); continue
        out = int(ask("eth_call", {"from": ME, "to": ex, "data": path}, "latest"), 16)
        send(ex, path)
        vectors.append({"kind": "v2", "reserves": [str(r[0]), str(r[1])], "fee_ppm": 3000, "zero_for_one": zero, "amount_in": str(amount), "amount_out": str(out)})
    reserves = call(pair, "getReserves()")
    dump(pair, [8], {"reserves": [str(reserves[0]), str(reserves[1])]}, kind="v2", fee_ppm=3000)
print(len(vectors), "v2", file=sys.stderr)
# V3.
for fee, (i, j), price in [(500, (0, 1), (3, 2)), (3000, (0, 1), (1, 1800)), (10000, (1, 2), (10**12, 1)), (100, (0, 2), (1, 1))]:
    if fee == 100: send(f3, data("enableFeeAmount(uint24,int24)", 100, 1))
    a, b = tokens[i], tokens[j]
    pool = v3_pool(a, b, fee, *price)
    sp = SPACING[fee]
    mid = s(call(pool, "slot0()")[1]) // sp * sp
    ticks = set()
    for _ in range(9):
        width = rnd.randrange(1, 400) * sp
        lower = mid + rnd.randrange(-300, 300) * sp; upper = lower + width
        lim = 887272 // sp * sp
        lower, upper = max(-lim, lower), min(lim, upper)
        ticks |= {lower, upper}
        add(a, b, fee, lower, upper, 10 ** rnd.randrange(15, 22), 10 ** rnd.randrange(15, 22))
    lower, upper = -(887272 // sp * sp), 887272 // sp * sp
    ticks |= {lower, upper}
    add(a, b, fee, lower, upper, 10**20, 10**20)
    for _ in range(45):
        before = v3_state(pool, ticks)
        zero = rnd.random() < 0.5
        exact_in = rnd.random() < 0.7
        amount = int(10 ** rnd.choice([rnd.uniform(1, 16), rnd.uniform(16, 24)]))
        limit = 4295128740 if zero else 1461446703485210103287273052203988822378723970341
        tin = a if zero else b
        send(tin, data("transfer(address,uint256)", ex, 10**36))
        vec = {"kind": "v3", "fee_ppm": fee, "tick_spacing": sp, "before": before, "zero_for_one": zero, "exact_in": exact_in, "amount": str(amount)}
        # by the executor: exact input, all of it taken
        if exact_in:
            path = "0x" + sel("run((uint8,address,uint32,bool)[],uint256,uint256)") + w(96) + w(amount) + w(0) + w(1) + w(3) + w(pool) + w(fee) + w(zero)
            try:
                out = int(ask("eth_call", {"from": ME, "to": ex, "data": path}, "latest"), 16)
            except RuntimeError:
                vec["other_amount"] = None; vectors.append(vec); continue
            send(ex, path)
            vec["other_amount"] = str(out)
        else:
            # through the executor's callback, by impersonating it
            ask("anvil_impersonateAccount", ex); ask("anvil_setBalance", ex, hex(10**20))
            # storage slot 0 holds `paying`
            ask("anvil_setStorageAt", ex, "0x0", "0x" + w(pool))
            d = "0x" + sel("swap(address,bool,int256,uint160,bytes)") + w(ex) + w(zero) + w(-amount) + w(limit) + w(160) + w(32) + w(tin)
            try:
                out = ask("eth_call", {"from": ex, "to": pool, "data": d, "gas": hex(20_000_000)}, "latest")[2:]
            except RuntimeError:
                vec["other_amount"] = None; vectors.append(vec); continue
            c0, c1 = s(int(out[:64], 16)), s(int(out[64:], 16))
            got = -(c1 if zero else c0); paid = c0 if zero else c1
            if got != amount:
                vec["other_amount"] = None; vec["got"] = str(got); vectors.append(vec); continue
            h = ask("eth_sendTransaction", {"from": ex, "to": pool, "data": d, "gas": hex(20_000_000)})
            assert receipt(h)["status"] == "0x1"
            vec["other_amount"] = str(paid)
        vec["after"] = {k: v3_state(pool, [])[k] for k in ("sqrt_price_x96", "tick", "liquidity")}
        vectors.append(vec)
    state = v3_state(pool, ticks)
    words = {(tick // sp) >> 8 for tick in ticks}
    slots = [0, 4] + [mapped(each, 6) for each in sorted(words)] + [mapped(tick, 5) for tick in sorted(ticks)]
    dump(pool, slots, state, kind="v3", fee_ppm=fee, tick_spacing=sp)
    print(fee, len(vectors), file=sys.stderr)
json.dump({"swaps": vectors, "pools": pools}, sys.stdout, separators=(",", ":"))
print()
