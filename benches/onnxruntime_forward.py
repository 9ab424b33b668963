"""Rows a CPU second of the reference network (30-256-256-1, ReLU) through onnxruntime, one thread.

python -m venv v && v/bin/pip install numpy onnx onnxruntime && v/bin/python benches/onnxruntime_forward.py
"""

import time

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

WIDTHS = [30, 256, 256, 1]
rng = np.random.default_rng(1)
weights, nodes, value = [], [], "x"
for i, (inputs, outputs) in enumerate(zip(WIDTHS, WIDTHS[1:])):
    weight = rng.standard_normal((inputs, outputs)) * (2 / inputs) ** 0.5
    weights.append(numpy_helper.from_array(weight.astype("f"), f"w{i}"))
    weights.append(numpy_helper.from_array(rng.standard_normal(outputs).astype("f"), f"b{i}"))
    nodes.append(helper.make_node("Gemm", [value, f"w{i}", f"b{i}"], [f"g{i}"]))
    value = f"g{i}"
    if i + 2 < len(WIDTHS):
        nodes.append(helper.make_node("Relu", [value], [f"r{i}"]))
        value = f"r{i}"
ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, n]) for name, n in (("x", 30), (value, 1))]
graph = helper.make_graph(nodes, "mlp", ends[:1], ends[1:], weights)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
flops = 2 * sum(a * b for a, b in zip(WIDTHS, WIDTHS[1:]))
for rows in (64, 256, 1000, 10000):
    x = rng.standard_normal((rows, 30)).astype("f")
    repeats, best = max(1, 10000 // rows), float("inf")
    for _ in range(50):
        start = time.thread_time()
        for _ in range(repeats):
            session.run(None, {"x": x})
        best = min(best, (time.thread_time() - start) / repeats / rows)
    print(f"{rows:6} rows: {1e-6 / best:.3f} M rows/s, {flops / best / 1e9:.1f} GFLOP/s")
