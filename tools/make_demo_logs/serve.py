"""Serves one GGUF model on 127.0.0.1 as an OpenAI-compatible endpoint, until its standard input closes.

Run as a child process: ``python serve.py weights.gguf alias [context] [threads]``. Prints the base URL as its first line.
"""

from __future__ import annotations

import os
import sys

# Read by the OpenMP runtime when it loads: waiting threads must sleep, else they fight for busy cores.
os.environ["OMP_WAIT_POLICY"] = "passive"

import xllamacpp


def main() -> None:
    weights, alias = sys.argv[1:3]
    context, threads = (int(value) for value in [*sys.argv[3:5], "2048", "2"][:2])
    params = xllamacpp.CommonParams()
    params.model.path = weights
    params.model_alias = {alias}
    params.n_ctx = context
    params.cpuparams.n_threads = threads
    params.cpuparams_batch.n_threads = threads
    # One slot and no prompt cache: with either, the same request does not always give the same answer.
    params.n_parallel = 1
    params.cache_prompt = False
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.ui = False
    params.warmup = False
    server = xllamacpp.Server(params)
    print(server.listening_address + "/v1", flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
