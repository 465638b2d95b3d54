"""Asks a running Chukan about people, as the business system of あさひ野市, over gRPC with mutual TLS.

pip install -r docs/examples/requirements.txt
cargo run --release -- serve
python docs/examples/python_client.py
"""

import argparse
import json
import pathlib
import sys
import uuid

import grpc
from google.protobuf import timestamp_pb2
from google.rpc import error_details_pb2
from grpc_status import rpc_status

# grpcio-tools compiles the .proto files in memory when they are asked for; it looks for them where modules are.
sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "proto"))
inquiry, inquiry_rpc = grpc.protos_and_services("chukan/v1/inquiry.proto")
records, records_rpc = grpc.protos_and_services("chukan/v1/provision_record.proto")
population, population_rpc = grpc.protos_and_services("chukan/sim/v1/population.proto")

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
    address, pki = options.address, options.pki
    if options.ready:
        ready = json.loads(options.ready.read_text())
        address, pki = ready["grpc"], pathlib.Path(ready["authority"]).parent
    files = ("ca.pem", f"clients/{INQUIRER}.key.pem", f"clients/{INQUIRER}.pem")
    authority, key, certificate = ((pki / file).read_bytes() for file in files)
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(authority, key, certificate))


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
        return []
    except grpc.RpcError as error:
        code, status = error.code(), rpc_status.from_call(error)
    localized, flawed = error_details_pb2.LocalizedMessage(), error_details_pb2.BadRequest()
    for detail in status.details:
        # Unpack leaves a message as it is where the detail is of another type.
        detail.Unpack(localized) or detail.Unpack(flawed)
    print(f"誤った依頼: {code.name} {localized.message}")
    for flaw in flawed.field_violations:
        print(f"  {flaw.field}: {flaw.description}")
    return [flaw.field for flaw in flawed.field_violations]


def main():
    wrong = []
    with connect(arguments()) as channel:
        inquiries = inquiry_rpc.InquiryServiceStub(channel)
        book = records_rpc.ProvisionRecordServiceStub(channel)
        sample = population_rpc.PopulationServiceStub(channel)
        listed = sample.ListPeople(population.ListPeopleRequest(page_size=12), timeout=10).people
        people = {person.situation: person for person in listed if person.situation}
        for situation, person in people.items():
            print(f"{person.name}（{person.birth_date}）: {situation}")

        ordinary = people["正常に提供される人"]
        results = ask(inquiries, [people[situation] for situation in EXPECTED], TAX)
        results += ask(inquiries, [ordinary], NOT_HELD)
        cases = [*EXPECTED.items(), ("住所地が保有しない情報の照会（照会先の誤り）", "34")]
        for (situation, code), asked in zip(cases, results, strict=True):
            print(f"  {asked.result.status_code} {asked.result.message} ← {situation}")
            for record in asked.plain.records:
                show(record.content)
            if asked.result.status_code != code:
                wrong.append(f"{situation}: {asked.result.status_code}, not {code}")

        malformed = request([ordinary], TAX)
        malformed.affair, malformed.details[0].addressee_number = "地方税", "12345"
        fields = refused(inquiries, malformed)
        if set(fields) != {"affair", "details[0].addressee_number"}:
            wrong.append(f"a malformed request: the fields named are {fields}")

        print("三者の情報提供等記録")
        for asked in results:
            if asked.result.status_code == "13":
                continue  # Records are written when an exchange ends, and this one waits for the provider's staff.
            compare = records.CompareProvisionRecordsRequest(processing_serial=asked.processing_serial)
            found = book.CompareProvisionRecords(compare, timeout=10).comparisons[0]
            sides = [side for side in ("inquirer", "core", "provider") if found.HasField(side)]
            print(f"  {found.processing_serial}", "一致" if found.agree else "不一致", *sides)
            if not found.agree:
                wrong.append(f"records of {found.processing_serial}: {found.disagreements}")
    print(*(wrong or ["すべて期待どおりです。"]), sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
