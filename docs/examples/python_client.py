"""Asks a running Chukan about people, as the business system of あさひ野市, over gRPC with mutual TLS.

pip install -r docs/examples/requirements.txt
cargo run --release -- serve
python docs/examples/python_client.py
"""

import argparse
import importlib
import json
import pathlib
import sys
import tempfile
import uuid

import grpc
import grpc_tools.protoc
from google.protobuf import timestamp_pb2
from google.rpc import error_details_pb2
from grpc_status import rpc_status

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
INQUIRER = "9900000000001100"  # あさひ野市
TAX = {"affair": "JM01000000121000", "procedure": "JT01010000000214", "specific_info": "TM00000000000002"}
NOT_HELD = {"affair": "JM90000000000008", "procedure": "JT90000000000008", "specific_info": "TM90000000000003"}

# What each sample person stands for, and the result that an inquiry to the person's home must have.
EXPECTED = {
    "正常に提供される人": "01",
    "副本が未登録の人": "31",
    "未申告の人": "32",
    "副本が公開期間外の人": "33",
    "照会先で符号が未取得の人": "35",
    "一部だけ提供される人": "41",
    "本人に自動応答不可フラグがある人": "13",
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ready", type=pathlib.Path, help="file with the line that `chukan serve` printed")
    parser.add_argument("--address", default="127.0.0.1:50551")
    parser.add_argument("--pki", type=pathlib.Path, default=pathlib.Path("chukan-data/pki"))
    return parser.parse_args()


def connect(options):
    """A channel with the certificate of the inquirer; the server reads from it who calls."""
    address, authority, clients = options.address, options.pki / "ca.pem", options.pki / "clients"
    if options.ready:
        ready = json.loads(options.ready.read_text())
        address, authority, clients = ready["grpc"], pathlib.Path(ready["authority"]), pathlib.Path(ready["clients"])
    credentials = grpc.ssl_channel_credentials(
        root_certificates=authority.read_bytes(),
        private_key=(clients / f"{INQUIRER}.key.pem").read_bytes(),
        certificate_chain=(clients / f"{INQUIRER}.pem").read_bytes(),
    )
    return grpc.secure_channel(address, credentials)


def load(*names):
    """Compiles proto/ into a temporary directory and imports the modules of messages and of stubs."""
    protos = REPOSITORY / "proto"
    files = [str(file.relative_to(protos)) for file in protos.rglob("*.proto")]
    common = str(pathlib.Path(grpc_tools.__file__).with_name("_proto"))
    with tempfile.TemporaryDirectory() as out:
        compile_to = [f"--python_out={out}", f"--grpc_python_out={out}"]
        if grpc_tools.protoc.main(["protoc", f"-I{protos}", f"-I{common}", *compile_to, *files]) != 0:
            sys.exit("the .proto files do not compile")
        sys.path.insert(0, out)
        modules = [importlib.import_module(f"chukan.{name}") for name in names]
        sys.path.remove(out)
    return modules


inquiry, inquiry_rpc, records, records_rpc, population, population_rpc = load(
    "v1.inquiry_pb2", "v1.inquiry_pb2_grpc", "v1.provision_record_pb2", "v1.provision_record_pb2_grpc",
    "sim.v1.population_pb2", "sim.v1.population_pb2_grpc",
)


def request(people, asked):
    """One inquiry about several people, each asked for at the person's home."""
    now = timestamp_pb2.Timestamp()
    now.GetCurrentTime()
    message = inquiry.SubmitInquiryRequest(
        requested_at=now, unit_code="FUKUSHI", user_id="python", affair=asked["affair"], procedure=asked["procedure"]
    )
    for person in people:
        here = next(known for known in person.institutions if known.institution == INQUIRER)
        detail = message.details.add(record_id=f"py-{uuid.uuid4().hex}", addressee_number=here.addressee_number)
        detail.specific_infos.add(provider=person.home, specific_info=asked["specific_info"])
    return message


def ask(stub, people, asked):
    """Submits an inquiry and waits for what can be had without a human."""
    receipt = stub.SubmitInquiry(request(people, asked), timeout=10).receipt_number
    print(f"受付番号 {receipt}")
    waited = stub.WaitInquiry(inquiry.WaitInquiryRequest(receipt_number=receipt), timeout=30).inquiry
    return [detail.specific_infos[0] for detail in waited.details]


def show(data_sets, indent="      "):
    for data_set in data_sets:
        items = (f"{item.item_code[-4:]}={item.value or '（値なし）'}" for item in data_set.items)
        print(f"{indent}{data_set.data_set_code}: {'、'.join(items)}")
        show(data_set.children, indent + "  ")


def refused(stub, message):
    """The fields that the server finds wrong in a malformed request."""
    try:
        stub.SubmitInquiry(message, timeout=10)
    except grpc.RpcError as error:
        print(f"誤った依頼: {error.code().name} {error.details()}")
        fields = []
        for detail in rpc_status.from_call(error).details:
            if detail.Is(error_details_pb2.LocalizedMessage.DESCRIPTOR):
                localized = error_details_pb2.LocalizedMessage.FromString(detail.value)
                print(f"  {localized.locale}: {localized.message}")
            elif detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
                for flaw in error_details_pb2.BadRequest.FromString(detail.value).field_violations:
                    print(f"  {flaw.field}: {flaw.description}")
                    fields.append(flaw.field)
        return fields
    return []


def main():
    wrong = []
    with connect(arguments()) as channel:
        inquiries = inquiry_rpc.InquiryServiceStub(channel)
        book = records_rpc.ProvisionRecordServiceStub(channel)
        sample = population_rpc.PopulationServiceStub(channel)
        listed = sample.ListPeople(population.ListPeopleRequest(page_size=12), timeout=10).people
        people = {person.situation: person for person in reversed(listed)}

        cases = [(situation, code, people[situation]) for situation, code in EXPECTED.items()]
        results = ask(inquiries, [person for _, _, person in cases], TAX)
        cases.append(("照会先の誤り（住所地は保有していない情報）", "34", cases[0][2]))
        results += ask(inquiries, [cases[0][2]], NOT_HELD)
        for (situation, code, person), asked in zip(cases, results, strict=True):
            print(f"  {asked.result.status_code} {asked.result.message}　{person.name}：{situation}")
            for record in asked.plain.records:
                show(record.content)
            if asked.result.status_code != code:
                wrong.append(f"{situation}: {asked.result.status_code}, not {code}")

        malformed = request([cases[0][2]], TAX)
        malformed.affair, malformed.details[0].addressee_number = "地方税", "12345"
        fields = refused(inquiries, malformed)
        if set(fields) != {"affair", "details[0].addressee_number"}:
            wrong.append(f"a malformed request: the fields named are {fields}")

        print("三者の情報提供等記録")
        for asked in results:
            compare = records.CompareProvisionRecordsRequest(processing_serial=asked.processing_serial)
            for found in book.CompareProvisionRecords(compare, timeout=10).comparisons:
                parties = [side for side in ("inquirer", "core", "provider") if found.HasField(side)]
                print(f"  {found.processing_serial} {asked.result.status_code}", "一致" if found.agree else "不一致", *parties)
                if not found.agree:
                    wrong.append(f"records of {found.processing_serial}: {found.disagreements}")
    print(*(wrong or ["すべて期待どおりです。"]), sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
