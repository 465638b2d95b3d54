"""Asks a running server by reflection (v1alpha) for the services of proto/, and then calls each method once."""

import pathlib
import re
import sys

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "docs" / "examples"))
import python_client  # noqa: E402


def written():
    """The services of proto/ and the names of their methods."""
    services = {}
    for file in (REPOSITORY / "proto").rglob("*.proto"):
        text = file.read_text()
        package = re.search(r"^package (.+);$", text, re.MULTILINE).group(1)
        for name, body in re.findall(r"^service (\w+) \{(.*?)^\}", text, re.MULTILINE | re.DOTALL):
            services[f"{package}.{name}"] = set(re.findall(r"^  rpc (\w+)\(", body, re.MULTILINE))
    return services


def mounted(channel, method):
    """Whether the server knows the method; to an empty message it may say no in any other way."""
    try:
        channel.unary_unary(method)(b"", timeout=10)
    except grpc.RpcError as error:
        return error.code() != grpc.StatusCode.UNIMPLEMENTED
    return True


def main():
    with python_client.connect(python_client.arguments()) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        served = set(database.get_services())
        pool = DescriptorPool(database)
        for name, methods in sorted(written().items()):
            if name not in served:
                sys.exit(f"reflection does not list {name}")
            described = {method.name for method in pool.FindServiceByName(name).methods}
            if described != methods:
                sys.exit(f"reflection describes {name} with {described}, not {methods}")
            missing = [method for method in sorted(methods) if not mounted(channel, f"/{name}/{method}")]
            if missing:
                sys.exit(f"the server describes {name} and does not implement {missing}")
            print(f"{name}: {len(methods)} methods")


if __name__ == "__main__":
    main()
