#!/usr/bin/python3
"""Streams a generation as a client should that others rely on: a deadline, cancelling, trying again when the
server says so, going on where a broken stream ended, a second router when the first one is not there, TLS and a
token. Prints the text; what happens on the way goes to stderr. Exit codes: 0 done, 1 an error, 3 cancelled as
--cancel-after says."""
import argparse
import contextlib
import sys
import time

import grpc

import hekla_stubs

[(messages, services)] = hekla_stubs.load("inference")
from google.rpc import error_details_pb2, status_pb2  # noqa: E402  made by the line above

TRY_AGAIN = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED)


def open_channel(address, tls_ca=None):
    if not tls_ca:
        return grpc.insecure_channel(address)
    with open(tls_ca, "rb") as file:
        return grpc.secure_channel(address, grpc.ssl_channel_credentials(file.read()))


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


def may_try_again(error):
    reason, _ = details_of(error)
    # A server that goes down resets the calls it has not looked at yet: a cancel without a reason.
    return (error.code() in TRY_AGAIN and reason not in ("SLOW_CONSUMER", "SESSION_LOST")
            or error.code() == grpc.StatusCode.CANCELLED and not reason)


class Generation:
    """One request, in as many calls as it takes."""

    def __init__(self, request, timeout=60, attempts=20, token=None, cancel_after=None):
        self.request = request
        self.deadline = time.monotonic() + timeout  # of all attempts together
        self.attempts, self.cancel_after = attempts, cancel_after
        self.metadata = [("authorization", f"Bearer {token}")] if token else None
        self.ids, self.text = [], ""  # the output so far, each token once
        self.finished = None
        self.on_text = lambda text: None
        self.on_retry = lambda error, delay: None

    def attempt(self, stub):
        """One call. The ids that came before are sent along, so that the stream goes on after them."""
        self.request.resume_token_ids[:] = self.ids
        call = stub.Generate(self.request, timeout=self.deadline - time.monotonic(), metadata=self.metadata)
        for response in call:
            event = response.WhichOneof("event")
            if event == "started":
                self.request.sampling.seed = response.started.seed  # another attempt draws the same tokens
            elif event == "delta":
                if response.delta.token_offset != len(self.ids):
                    call.cancel()
                    raise ValueError(f"token {response.delta.token_offset} came after {len(self.ids)} tokens")
                self.ids += response.delta.token_ids
                self.text += response.delta.text
                self.on_text(response.delta.text)
                if self.cancel_after and len(self.ids) >= self.cancel_after:
                    call.cancel()  # the worker stops at its next step
                    return False
            elif event == "finished":
                self.finished = response.finished
        return True

    def run(self, stubs):
        """False: cancelled. `stubs`: of one router, or of several in front of the same workers. The first one is
        asked; one that fails goes to the end of the list, and there is no wait until each of them has failed."""
        for number in range(1, self.attempts + 1):
            try:
                return self.attempt(stubs[0])
            except grpc.RpcError as error:
                if not may_try_again(error) or number == self.attempts:
                    raise
                _, delay = details_of(error)
                delay = min(0.1 * 2 ** number, 5) if delay is None else delay
                delay = 0 if number % len(stubs) else delay
                stubs.append(stubs.pop(0))
                self.on_retry(error, delay)
                time.sleep(max(0, min(delay, self.deadline - time.monotonic())))


def print_text(text):
    print(text, end="", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", default="127.0.0.1:8090", help="HOST:PORT of a router, or of several: A,B")
    parser.add_argument("--prompt", default="Once upon a time")
    parser.add_argument("--max-tokens", type=int, default=64)
    parser.add_argument("--temperature", type=float, default=0)
    parser.add_argument("--timeout", type=float, default=60, help="seconds, for all attempts together")
    parser.add_argument("--attempts", type=int, default=20)
    parser.add_argument("--cancel-after", type=int, help="tokens")
    parser.add_argument("--tls-ca", help="PEM file; TLS, the server's certificate is signed by it")
    parser.add_argument("--token", help="bearer token; only with TLS or on loopback")
    options = parser.parse_args()
    request = messages.GenerateRequest(text=options.prompt, stop=messages.Stop(max_tokens=options.max_tokens),
                                       sampling=messages.Sampling(temperature=options.temperature))
    generation = Generation(request, options.timeout, options.attempts, options.token, options.cancel_after)
    generation.on_text = print_text
    generation.on_retry = lambda error, delay: print(
        f"[{error.code().name} {details_of(error)[0]}: again in {delay:.2f} s, after {len(generation.ids)} tokens]",
        file=sys.stderr, flush=True)
    with contextlib.ExitStack() as stack:
        stubs = [services.InferenceStub(stack.enter_context(open_channel(address, options.tls_ca)))
                 for address in options.address.split(",")]
        try:
            is_whole = generation.run(stubs)
        except grpc.RpcError as error:
            raise SystemExit(f"{error.code().name} {details_of(error)[0]}: {error.details()}")
    if not is_whole:
        return 3
    print(f"\n[{messages.FinishReason.Name(generation.finished.reason)}, {len(generation.ids)} tokens]", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
