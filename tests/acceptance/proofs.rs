//! Proofs for outsiders: one person's records checked on another machine, trees as static files, kept checkpoints.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use chukan::grpc::proto::v1::{
    self, provision_record_service_client::ProvisionRecordServiceClient,
};

use crate::net::{self, CITY, ask, serial_of, tax_inquiry};

fn chukan(arguments: &[&dyn AsRef<std::ffi::OsStr>]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chukan"));
    command
        .arg("ledger")
        .args(arguments.iter().map(|argument| argument.as_ref()));
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8([output.stdout.as_slice(), &output.stderr].concat()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_persons_records_are_proven_on_another_machine_and_no_forged_one_is() {
    let net = net::start();
    let mut inquiries = net.inquiries(CITY).await;
    let serial = serial_of(&ask(&mut inquiries, tax_inquiry("e-1", 0)).await);
    ask(&mut inquiries, tax_inquiry("e-2", 0)).await;
    ask(&mut inquiries, tax_inquiry("e-3", 1)).await;
    let mut records = ProvisionRecordServiceClient::new(net.channel(CITY).await);
    let request = v1::GetProvisionRecordRequest {
        processing_serial: serial.clone(),
    };
    let found = records.get_provision_record(request).await.unwrap();
    assert!(found.into_inner().record.is_some());
    let ledger = net.ledger();
    let (status, _data) = tokio::task::spawn_blocking(|| net.stop()).await.unwrap();
    assert!(status.success());

    let outside = tempfile::tempdir().unwrap();
    let at = |name: &str| outside.path().join(name);
    let prove = |by: &str, value: &str, out: &Path| {
        chukan(&[
            &"prove", &ledger, &"--owner", &CITY, &by, &value, &"--out", &out,
        ])
    };
    let by_serial = prove("--serial", &serial, &at("serial.json"));
    assert!(by_serial.status.success(), "{}", said(&by_serial));
    let json: serde_json::Value =
        serde_json::from_slice(&fs::read(at("serial.json")).unwrap()).unwrap();
    let body: serde_json::Value =
        serde_json::from_str(json["records"][0]["body"].as_str().unwrap()).unwrap();
    let digest = body["symbol_digest"].as_str().unwrap();
    let by_person = prove("--symbol-digest", digest, &at("person.json"));
    assert!(by_person.status.success(), "{}", said(&by_person));
    let nobody = prove("--symbol-digest", &"0".repeat(64), &at("nobody.json"));
    assert_eq!(nobody.status.code(), Some(1), "{}", said(&nobody));
    assert!(!at("nobody.json").exists());

    fs::copy(ledger.join("keys.pub"), at("keys.pub")).unwrap();
    let check = |file: &str| chukan(&[&"check-proof", &at(file), &"--keys", &at("keys.pub")]);
    let checked = check("person.json");
    assert!(checked.status.success(), "{}", said(&checked));
    assert!(
        said(&checked).contains("証明に成功しました: 2件"),
        "{}",
        said(&checked)
    );

    let whole = fs::read_to_string(at("person.json")).unwrap();
    let forged = whole.replacen(&serial, &serial.chars().rev().collect::<String>(), 1);
    assert_ne!(forged, whole);
    fs::write(at("forged.json"), forged).unwrap();
    fs::write(at("torn.json"), &whole[..whole.len() / 2]).unwrap();
    for file in ["forged.json", "torn.json"] {
        let refused = check(file);
        assert_eq!(refused.status.code(), Some(3), "{file}: {}", said(&refused));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn trees_are_exported_and_verified_against_kept_checkpoints() {
    let net = net::start();
    ask(&mut net.inquiries(CITY).await, tax_inquiry("x-1", 0)).await;
    let ledger = net.ledger();
    let (status, data) = tokio::task::spawn_blocking(|| net.stop()).await.unwrap();
    assert!(status.success());
    let outside = tempfile::tempdir().unwrap();
    let public = outside.path().join("public");
    let exported = chukan(&[&"export", &ledger, &"--out", &public]);
    assert!(exported.status.success(), "{}", said(&exported));
    let again = chukan(&[&"export", &ledger, &"--out", &public]);
    assert_eq!(again.status.code(), Some(1), "{}", said(&again));
    let core = fs::read_dir(public.join("core")).unwrap().next().unwrap();
    let kept = core.unwrap().path().join("checkpoint");
    assert!(kept.is_file() && public.join("keys.pub").is_file());

    // Another world of the same seed is another history under other keys and salts.
    let verify = |ledger: &Path, kept: &Path| {
        chukan(&[
            &"verify",
            &ledger,
            &"--keys",
            &public.join("keys.pub"),
            &"--kept",
            &kept,
        ])
    };
    let holds = verify(&ledger, &kept);
    assert!(holds.status.success(), "{}", said(&holds));
    fs::write(outside.path().join("bad"), "no checkpoint").unwrap();
    let unreadable = verify(&ledger, &outside.path().join("bad"));
    assert_eq!(unreadable.status.code(), Some(1), "{}", said(&unreadable));
    let other = net::start();
    let foreign = verify(&other.ledger(), &kept);
    assert_eq!(foreign.status.code(), Some(3), "{}", said(&foreign));
    drop(data);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_without_public_keys_is_told_apart_from_a_damaged_one() {
    let net = net::start();
    ask(&mut net.inquiries(CITY).await, tax_inquiry("k-1", 0)).await;
    let ledger = net.ledger();
    let (status, data) = tokio::task::spawn_blocking(|| net.stop()).await.unwrap();
    assert!(status.success());
    let kept = data.as_ref().unwrap().path().join("kept.pub");
    fs::rename(ledger.join("keys.pub"), &kept).unwrap();
    let missing = chukan(&[&"verify", &ledger]);
    assert_eq!(missing.status.code(), Some(1), "{}", said(&missing));
    assert!(
        said(&missing).contains("keys.pub がありません"),
        "{}",
        said(&missing)
    );
    let given = chukan(&[&"verify", &ledger, &"--keys", &kept]);
    assert!(given.status.success(), "{}", said(&given));
}
