"""Runs real models with onnxruntime and stores inputs, outputs and seconds, for the example `onnx_real` to compare with.

    pip install onnx==1.23.2 onnxruntime==1.32.0 numpy
    python onnx_real.py FOLDER NAME=MODEL.onnx[:OUTPUT,OUTPUT…][:AXIS=SIZE,INPUT.AXIS=SIZE,…] …

    python onnx_real.py FOLDER --cpu NAME …

prints the least CPU time of a run with one thread, in milliseconds, for stored cases; `onnx_real --cpu` with RAYON_NUM_THREADS=1 is the other side.

Inputs are random with a fixed seed: token ids below 1000, masks of ones with the last third of every other row zero, floats uniform in [0, 1].
Free axes: the first is 8, others are 32, unless AXIS=SIZE says otherwise. Seconds are the median of 7 runs on all cores after one more.
"""
import json
import pathlib
import statistics
import sys
import time

import numpy as np
import onnx
import onnxruntime as ort
from onnx import numpy_helper

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
index = folder / "cases.json"
cases = json.loads(index.read_text()) if index.exists() else {}
if sys.argv[2:3] == ["--cpu"]:
    for name in sys.argv[3:]:
        data = onnx.GraphProto.FromString((folder / f"{name}.data").read_bytes())
        feed = {t.name: numpy_helper.to_array(t) for t in data.initializer[: cases[name]["inputs"]]}
        one = ort.SessionOptions()
        one.intra_op_num_threads = 1
        session = ort.InferenceSession(cases[name]["model"], one, providers=["CPUExecutionProvider"])
        least, begin = float("inf"), time.perf_counter()
        while time.perf_counter() - begin < 2:
            start = time.process_time()
            session.run(cases[name]["outputs"], feed)
            least = min(least, time.process_time() - start)
        print(f"{name} {1e3 * least:.3f}")
    sys.exit()
for argument in sys.argv[2:]:
    name, _, rest = argument.partition("=")
    path, *options = rest.split(":")
    wanted = next((o.split(",") for o in options if o and "=" not in o), None)
    sizes = dict(pair.split("=") for o in options if "=" in o for pair in o.split(","))
    rng = np.random.default_rng(7)
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    feed = {}
    for port in session.get_inputs():
        dims = [d if isinstance(d, int) and d > 0 else int(sizes.get(f"{port.name}.{axis}", sizes.get(str(axis), 8 if axis == 0 else 32))) for axis, d in enumerate(port.shape)]
        if "int" in port.type:
            kind = np.int32 if "int32" in port.type else np.int64
            value = rng.integers(1, 1000, dims) if "id" in port.name and "type" not in port.name else np.ones(dims)
            if "mask" in port.name:
                value[1::2, -(dims[1] // 3) :] = 0
            if "type" in port.name:
                value = np.zeros(dims)
            if port.type == "tensor(int32)":
                value = rng.integers(0, 256, dims)
            if port.name == "sr":
                value = np.array(16000)
            feed[port.name] = np.asarray(value, kind)
        else:
            feed[port.name] = rng.random(dims).astype(np.float64 if "double" in port.type else np.float32)
    outputs = wanted or [o.name for o in session.get_outputs()]
    results = session.run(outputs, feed)
    seconds = []
    for _ in range(7):
        start = time.perf_counter()
        session.run(outputs, feed)
        seconds.append(time.perf_counter() - start)
    data = onnx.GraphProto()
    data.initializer.extend(numpy_helper.from_array(v, k) for k, v in feed.items())
    data.initializer.extend(numpy_helper.from_array(v, k) for k, v in zip(outputs, results, strict=True))
    (folder / f"{name}.data").write_bytes(data.SerializeToString())
    graph = onnx.load(path, load_external_data=False).graph
    rows = next((v.shape[0] for v in feed.values() if v.ndim), 1)
    cases[name] = {"model": str(pathlib.Path(path).resolve()), "inputs": len(feed), "outputs": outputs, "rows": rows, "seconds": statistics.median(seconds), "shape": "x".join(map(str, next(iter(feed.values())).shape)), "nodes": len(graph.node), "runtime": f"onnxruntime {ort.__version__}"}
    print(name, cases[name])
    index.write_text(json.dumps(cases, indent=1, sort_keys=True) + "\n")
