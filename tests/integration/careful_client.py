#!/usr/bin/python3
"""Streams a generation as a client should that others rely on: a deadline, cancelling, trying again when the
server says so, going on where a broken stream ended, TLS and a token. Prints the text; what happens on the way
goes to stderr. Exit codes: 0 done, 1 an error, 3 cancelled as --cancel-after says."""
import argparse
import sys
import time

import grpc

import hekla_stubs

[(messages, services)] = hekla_stubs.load("inference")
from google.rpc import error_details_pb2, status_pb2  # noqa: E402  made by the line above

TRY_AGAIN = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED)


def open_channel(options):
    if not options.tls_ca:
        return grpc.insecure_channel(options.address)
    with open(options.tls_ca, "rb") as file:
        return grpc.secure_channel(options.address, grpc.ssl_channel_credentials(file.read()))


def details_of(error):
    """(reason, seconds until the call may be tried again or None) of a failed call."""
    reason, delay = "", None
    for key, value in error.trailing_metadata() or ():
        if key != "grpc-status-details-bin":
            continue
        for detail in status_pb2.Status.FromString(value).details:
            info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
            if detail.Unpack(info):
                reason = info.reason
            if detail.Unpack(retry):
                delay = retry.retry_delay.ToTimedelta().total_seconds()
    return reason, delay


class Generation:
    def __init__(self, options):
        self.options = options
        self.deadline = time.monotonic() + options.timeout  # of all attempts together
        self.ids = []  # the output so far, each token once
        self.request = messages.GenerateRequest(text=options.prompt, stop=messages.Stop(max_tokens=options.max_tokens))
        self.request.sampling.temperature = options.temperature

    def attempt(self, stub):
        """One call. The ids that came before are sent along, so that the stream goes on after them."""
        self.request.resume_token_ids[:] = self.ids
        metadata = [("authorization", f"Bearer {self.options.token}")] if self.options.token else None
        call = stub.Generate(self.request, timeout=self.deadline - time.monotonic(), metadata=metadata)
        for response in call:
            event = response.WhichOneof("event")
            if event == "started":
                self.request.sampling.seed = response.started.seed  # another attempt draws the same tokens
            elif event == "delta":
                if response.delta.token_offset != len(self.ids):
                    call.cancel()
                    raise SystemExit(f"token {response.delta.token_offset} came after {len(self.ids)} tokens")
                self.ids += response.delta.token_ids
                print(response.delta.text, end="", flush=True)
                if self.options.cancel_after and len(self.ids) >= self.options.cancel_after:
                    call.cancel()  # the worker stops at its next step
                    return False
            elif event == "finished":
                print(f"\n[{messages.FinishReason.Name(response.finished.reason)}, {len(self.ids)} tokens]",
                      file=sys.stderr)
        return True

    def run(self, stub):
        for number in range(1, self.options.attempts + 1):
            try:
                return self.attempt(stub)
            except grpc.RpcError as error:
                reason, delay = details_of(error)
                again = error.code() in TRY_AGAIN and reason not in ("SLOW_CONSUMER", "SESSION_LOST")
                # A server that goes down resets the calls it has not looked at yet: a cancel without a reason.
                again = again or error.code() == grpc.StatusCode.CANCELLED and not reason
                if not again or number == self.options.attempts:
                    raise SystemExit(f"{error.code().name} {reason}: {error.details()}")
                delay = min(0.1 * 2 ** number, 5) if delay is None else delay
                print(f"[{error.code().name} {reason}: again in {delay:.2f} s, after {len(self.ids)} tokens]",
                      file=sys.stderr, flush=True)
                time.sleep(max(0, min(delay, self.deadline - time.monotonic())))
        return False


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", default="127.0.0.1:8090")
    parser.add_argument("--prompt", default="Once upon a time")
    parser.add_argument("--max-tokens", type=int, default=64)
    parser.add_argument("--temperature", type=float, default=0)
    parser.add_argument("--timeout", type=float, default=60, help="seconds, for all attempts together")
    parser.add_argument("--attempts", type=int, default=20)
    parser.add_argument("--cancel-after", type=int, help="tokens")
    parser.add_argument("--tls-ca", help="PEM file; TLS, the server's certificate is signed by it")
    parser.add_argument("--token", help="bearer token; only with TLS or on loopback")
    options = parser.parse_args()
    with open_channel(options) as channel:
        return 0 if Generation(options).run(services.InferenceStub(channel)) else 3


sys.exit(main())
