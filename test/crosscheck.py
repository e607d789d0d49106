"""Our scores beside those of Python's stack, from the very files that we write.

    pip install torch transformers onnx onnxruntime==1.30.0 pandas
    python test/crosscheck.py --model artifacts/model --repository artifacts/repository/readability/1 --data data/input/train.csv.zip

Prints the largest difference over the first passages of: transformers reading the checkpoint, ONNX Runtime reading the fp32 graph and the
served graph, single and (fp32) in padded batches. Fails where one is above 1e-4. transformers does not know the head on the mean of the tokens.
"""
import argparse
import inspect
import json
import pathlib
import subprocess
import tempfile

import numpy as np
import onnx
import onnxruntime
import pandas
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

arguments = argparse.ArgumentParser()
arguments.add_argument("--model", default="artifacts/model")
arguments.add_argument("--repository", default="artifacts/repository/readability/1", help="folder of one version")
arguments.add_argument("--data", default="data/input/train.csv.zip")
arguments.add_argument("--passages", type=int, default=50)
arguments = arguments.parse_args()

texts = list(pandas.read_csv(arguments.data).excerpt[: arguments.passages])
version = pathlib.Path(arguments.repository)
tokenizer = AutoTokenizer.from_pretrained(arguments.model)
encoded = [tokenizer(text, truncation=True)["input_ids"] for text in texts]
# A longer text is scored in windows by us, and cut by the others.
whole = [i for i, text in enumerate(texts) if len(tokenizer(text, truncation=False)["input_ids"]) == len(encoded[i])]
texts, encoded = [texts[i] for i in whole], [encoded[i] for i in whole]


def ours(model):
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.writelines(json.dumps({"text": text}) + "\n" for text in texts)
        file.flush()
        printed = subprocess.run(["node", "readability.mjs", "score", "--model", model, file.name], check=True, capture_output=True, text=True).stdout
    return np.array([json.loads(line)["score"] for line in printed.splitlines()])


def feeds(rows):
    longest = max(len(row) for row in rows)
    ids = np.array([row + [tokenizer.pad_token_id] * (longest - len(row)) for row in rows], np.int64)
    mask = np.array([[1] * len(row) + [0] * (longest - len(row)) for row in rows], np.int64)
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}


def run(graph, batch):
    onnx.checker.check_model(onnx.load(graph), full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(["logits"], feeds(encoded[i : i + batch]))[0][:, 0] for i in range(0, len(encoded), batch)])


def transformers():
    model = AutoModelForSequenceClassification.from_pretrained(arguments.model).eval()
    read = inspect.signature(model.forward).parameters
    tensors = lambda row: {name: torch.from_numpy(x) for name, x in feeds([row]).items() if name in read}
    with torch.inference_mode():
        return np.array([model(**tensors(row)).logits.item() for row in encoded])


checkpoint, served = ours(arguments.model), ours(str(version.parent.parent))
own_head = "readability_head" in json.loads((pathlib.Path(arguments.model) / "config.json").read_text())
fp32, graph = str(version / "model_fp32.onnx"), str(version / "model.onnx")
differences = {
    **({} if own_head else {"checkpoint, transformers": checkpoint - transformers()}),
    "fp32 graph, ONNX Runtime": checkpoint - run(fp32, 1),
    "fp32 graph, padded batches of 8": checkpoint - run(fp32, 8),
    "served graph, ONNX Runtime": served - run(graph, 1),
}
print(f"{len(texts)} passages")
for name, difference in differences.items():
    print(f"{name:34} largest difference {np.abs(difference).max():.2e}")
raise SystemExit(any(np.abs(difference).max() > 1e-4 for difference in differences.values()))
