"""Forwards of a text encoder by onnxruntime on one thread, on demand: each line "SEQUENCES TOKENS" read is answered by CPU seconds.

python -m venv v && v/bin/pip install numpy onnxruntime, then the Rust side starts it and takes turns with it:
`cargo run --release -p pellucid-benches --example encoder -- --peer "v/bin/python benches/peers/encoder.py"`.
"""

import sys
import time

import numpy as np
import onnxruntime

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
names = [port.name for port in session.get_inputs()]
print("onnxruntime", onnxruntime.__version__, flush=True)
for line in sys.stdin:
    shape = tuple(map(int, line.split()))
    ids = np.arange(shape[0] * shape[1]).reshape(shape) * 37 % 900 + 5
    feed = {name: ids if name in ("input_ids", "ids") else np.full(shape, int("mask" in name)) for name in names}
    feed = {name: value.astype(np.int64) for name, value in feed.items()}
    start = time.process_time()
    session.run(None, feed)
    print(time.process_time() - start, flush=True)
