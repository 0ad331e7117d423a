#!/usr/bin/python3
"""Streams a generation from a Hekla router: client.py [ADDRESS [PROMPT]]"""
import sys

import grpc

import hekla_stubs

[(messages, services)] = hekla_stubs.load("inference")  # straight from the .proto files


def main(address="127.0.0.1:8090", prompt="Once upon a time"):
    with grpc.insecure_channel(address) as channel:
        request = messages.GenerateRequest(text=prompt, stop=messages.Stop(max_tokens=64),
                                           sampling=messages.Sampling(temperature=0))
        for response in services.InferenceStub(channel).Generate(request, timeout=60):
            event = response.WhichOneof("event")
            if event == "delta":
                print(response.delta.text, end="", flush=True)
            elif event == "finished":
                reason = messages.FinishReason.Name(response.finished.reason)
                print(f"\n[{reason}, {response.finished.usage.output_tokens} tokens]", file=sys.stderr)


main(*sys.argv[1:])
