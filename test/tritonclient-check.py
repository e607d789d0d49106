"""Asks inference servers for scores by tritonclient, in every way it has.

python tritonclient-check.py TEXTS ADDRESS...   TEXTS: lists of token ids as JSON; an address: http://host:port or grpc://host:port.
Prints an object: for each way, the scores of the texts.
"""
import json
import sys

import numpy as np
import tritonclient.grpc
import tritonclient.http

texts = json.loads(sys.argv[1])
scores = {}


def score(library, client, binary, **options):
    """The scores of all texts, one request each; checks what the server says of itself on the way."""
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("readability", "1")
    found = []
    for ids in texts:
        inputs = []
        for name, row in ("input_ids", ids), ("attention_mask", [1] * len(ids)), ("token_type_ids", [0] * len(ids)):
            tensor = library.InferInput(name, [1, len(ids)], "INT64")
            tensor.set_data_from_numpy(np.array([row], np.int64), **binary)
            inputs.append(tensor)
        outputs = [library.InferRequestedOutput("logits", **binary)]
        answer = client.infer("readability", inputs, "1", outputs, request_id="an id", timeout=20_000_000, **options)
        logits = answer.as_numpy("logits")
        assert logits.shape == (1, 1) and logits.dtype == np.float32, (logits.shape, logits.dtype)
        found.append(float(logits[0, 0]))
    return found


def check_http(address):
    library = tritonclient.http
    client = library.InferenceServerClient(address.removeprefix("http://"))
    assert [tensor["name"] for tensor in client.get_model_metadata("readability")["outputs"]] == ["logits"]
    assert client.get_model_config("readability")["max_batch_size"] == 0
    assert {"name": "readability", "version": "1", "state": "READY"} in client.get_model_repository_index()
    scores[f"{address} binary"] = score(library, client, {"binary_data": True})
    scores[f"{address} json"] = score(library, client, {"binary_data": False})
    compressed = dict(request_compression_algorithm="gzip", response_compression_algorithm="gzip")
    scores[f"{address} compressed"] = score(library, client, {"binary_data": True}, **compressed)
    (statistics,) = client.get_inference_statistics("readability", "1")["model_stats"]
    assert statistics["inference_stats"]["success"]["count"] >= 3 * len(texts)
    client.close()


def check_grpc(address):
    client = tritonclient.grpc.InferenceServerClient(address.removeprefix("grpc://"))
    scores[address] = score(tritonclient.grpc, client, {})
    client.close()


for address in sys.argv[2:]:
    (check_http if address.startswith("http://") else check_grpc)(address)
print(json.dumps(scores))
