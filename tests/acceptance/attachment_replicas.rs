//! A business system that speaks its own 宛名番号 sends, fetches and reconciles files of replicas with them, and never meets the other
//! kind.

use std::{fs, process::Command};

use chukan::grpc::proto::v1::{
    self, ReplicaFileForm, replica_service_client::ReplicaServiceClient,
};
use prost::Message;
use tempfile::TempDir;
use tonic::transport::Channel;

use crate::{
    attachment::{
        ADDRESSEE_SYSTEM, LOCAL_SYSTEM, channel, local, number_all, shows_no_addressee_number,
        shows_none_in,
    },
    folder::{appears, serve},
    net::{self, CITY, Net, PEOPLE, TAX, person},
    replica_files::{VERSION, export, import, settings},
};

/// The city's people by the local system, and that system's client.
async fn numbered(net: &Net) -> (ReplicaServiceClient<Channel>, Channel) {
    let own = channel(net, LOCAL_SYSTEM).await;
    number_all(net, &own).await;
    (ReplicaServiceClient::new(own.clone()), own)
}

/// The registered replicas with local numbers, each with another record key.
async fn other_replicas(client: &mut ReplicaServiceClient<Channel>) -> String {
    let csv = export(client, ReplicaFileForm::Csv, "utf-8").await;
    shows_none_in(&csv);
    let csv = String::from_utf8(csv).unwrap();
    assert!((0..PEOPLE).any(|index| csv.contains(&format!(",{},", local(index)))));
    csv.replace(",2026,2026,", ",next,2026,")
}

async fn stop(net: Net) {
    tokio::task::spawn_blocking(|| net.stop()).await.unwrap();
}

#[tokio::test]
async fn a_file_speaks_local_numbers_in_and_out_in_both_forms() {
    let net = net::start();
    let (mut client, own) = numbered(&net).await;
    let csv = other_replicas(&mut client).await;
    let (flaws, report) = import(&mut client, settings(), csv.as_bytes())
        .await
        .unwrap();
    assert_eq!(flaws, []);
    assert!(report.import.unwrap().registered > 0);
    let after = export(&mut client, ReplicaFileForm::Csv, "utf-8").await;
    let after = String::from_utf8(after).unwrap();
    assert!(csv.lines().all(|line| after.lines().any(|own| own == line)));
    let dat = export(&mut client, ReplicaFileForm::Dat, "shift_jis").await;
    shows_none_in(&dat);
    let shift_jis = v1::ReplicaImportSettings {
        form: ReplicaFileForm::Dat.into(),
        text: Some(v1::ReplicaFileText {
            encoding: "shift_jis".into(),
            ..Default::default()
        }),
        ..settings()
    };
    let (flaws, report) = import(&mut client, shift_jis, &dat).await.unwrap();
    assert_eq!(flaws, []);
    let done = report.import.unwrap();
    assert!(done.replaced > 0 && done.registered == 0, "{done:?}");
    let listed = client.list_replica_imports(v1::ListReplicaImportsRequest::default());
    let listed = listed.await.unwrap().into_inner();
    assert_eq!(listed.imports.len(), 2);
    shows_no_addressee_number(&listed);

    // The other kind of number reaches the same people.
    let mut direct = ReplicaServiceClient::new(channel(&net, ADDRESSEE_SYSTEM).await);
    let named = export(&mut direct, ReplicaFileForm::Csv, "utf-8").await;
    let named = String::from_utf8(named).unwrap();
    let next = |who: &str| named.contains(&format!(",{who},next,"));
    assert!((0..PEOPLE).any(|index| next(&person(index, CITY))));
    drop(own);
    stop(net).await;
}

#[tokio::test]
async fn a_line_with_an_unknown_number_or_of_the_other_kind_is_flawed_and_nothing_is_repeated() {
    let net = net::start();
    let (mut client, _) = numbered(&net).await;
    let csv = other_replicas(&mut client).await;
    let mut lines = csv.lines();
    let (names, line) = (lines.next().unwrap(), lines.next().unwrap());
    let with = |number: &str| {
        let mut fields: Vec<_> = line.split(',').collect();
        fields[3] = number;
        fields.join(",")
    };
    let other = person(1, CITY);
    let file = [names, &with("4242"), &with(&other), &with("12a4")].join("\r\n") + "\r\n";
    let (flaws, report) = import(&mut client, settings(), file.as_bytes())
        .await
        .unwrap();
    assert!(!report.taken);
    let found: Vec<_> = flaws
        .iter()
        .map(|flaw| (flaw.code.as_str(), flaw.line, flaw.column))
        .collect();
    assert_eq!(
        found,
        [
            ("UNKNOWN_NUMBER", 2, 4),
            ("UNKNOWN_NUMBER", 3, 4),
            ("WORD", 4, 4)
        ]
    );
    for flaw in &flaws {
        shows_none_in(&flaw.encode_to_vec());
    }
    stop(net).await;
}

#[tokio::test]
async fn people_without_a_local_number_are_left_out_and_counted() {
    let net = net::start();
    let mut client = ReplicaServiceClient::new(channel(&net, LOCAL_SYSTEM).await);
    let wanted = v1::ExportReplicasRequest {
        specific_info: TAX.into(),
        layout_version: VERSION.into(),
        form: ReplicaFileForm::Csv.into(),
        text: None,
    };
    let mut parts = client.export_replicas(wanted).await.unwrap().into_inner();
    let mut report = None;
    while let Some(message) = parts.message().await.unwrap() {
        match message.part.unwrap() {
            v1::export_replicas_response::Part::Piece(piece) => shows_none_in(&piece),
            v1::export_replicas_response::Part::Report(told) => report = Some(told),
        }
    }
    let report = report.unwrap();
    assert!(report.replicas == 0 && report.unnamed > 0, "{report:?}");
    stop(net).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_and_the_folder_speak_local_numbers_where_they_are_told_to() {
    let (data, folder) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let own = folder.path().join(format!("{CITY}-{LOCAL_SYSTEM}"));
    let own = own.join("replica");
    fs::create_dir_all(own.join("in")).unwrap();
    let net = serve(data.path(), folder.path());
    let (mut client, _) = numbered(&net).await;
    let csv = other_replicas(&mut client).await;
    let file = data.path().join("original.csv");
    fs::write(&file, &csv).unwrap();
    let run = |command: &str| {
        let mut chukan = Command::new(env!("CARGO_BIN_EXE_chukan"));
        chukan.args(["replica", command, "--server", net.address()]);
        chukan.args(["--institution", CITY, "--as-system", LOCAL_SYSTEM]);
        chukan.arg("--data").arg(data.path()).arg(&file);
        let output = tokio::task::block_in_place(|| chukan.output()).unwrap();
        let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code().unwrap(), told)
    };
    let (code, told) = run("import");
    assert!(code == 0 && told.contains("取込番号1"), "{told}");
    let all = export(&mut client, ReplicaFileForm::Csv, "utf-8").await;
    fs::write(&file, &all).unwrap();
    let (code, told) = run("reconcile");
    assert!(code == 0 && told.contains("副本にないもの0件"), "{told}");

    let coming = own.join("june.coming");
    fs::write(&coming, csv.replace(",next,", ",third,")).unwrap();
    fs::rename(coming, own.join("in/june.csv")).unwrap();
    let report = appears(&own.join("taken/june.csv.report.csv"));
    assert!(report.contains("\r\n2,"), "{report}");
    let after = export(&mut client, ReplicaFileForm::Csv, "utf-8").await;
    assert!(String::from_utf8(after).unwrap().contains(",third,"));
    stop(net).await;
}
