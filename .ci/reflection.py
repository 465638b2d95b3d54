"""Asks a running server by reflection (v1alpha) for its services: each of proto/ has to be there, with its methods."""

import pathlib
import re
import sys

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
            print(f"reflection: {name}, {len(methods)} methods")


if __name__ == "__main__":
    main()
