"""Python stubs of the .proto files, made by protoc as the program starts: Debian's protobuf-compiler-grpc."""
import importlib
import os
import subprocess
import sys
import tempfile

PROTO = os.environ.get("HEKLA_PROTO", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "proto"))


def load(*names):
    """load("inference", "admin") -> [(messages, services), ...] of hekla/v1/NAME.proto. Afterwards google.rpc, the
    details of errors, can be imported too."""
    with tempfile.TemporaryDirectory() as folder:
        files = [os.path.relpath(os.path.join(at, f), PROTO)
                 for at, _, found in os.walk(PROTO) for f in found if f.endswith(".proto")]
        subprocess.run(["protoc", f"-I{PROTO}", f"--python_out={folder}", f"--grpc_python_out={folder}",
                        "--plugin=protoc-gen-grpc_python=/usr/bin/grpc_python_plugin", *files], check=True)
        sys.path.insert(0, folder)
        try:
            importlib.import_module("google.rpc.status_pb2")
            importlib.import_module("google.rpc.error_details_pb2")
            return [(importlib.import_module(f"hekla.v1.{name}_pb2"),
                     importlib.import_module(f"hekla.v1.{name}_pb2_grpc")) for name in names]
        finally:
            sys.path.remove(folder)
