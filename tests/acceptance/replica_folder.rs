//! Replica files in the watched folder: taken over whole with a report, refused with every flaw beside, and never twice.

use std::{fs, path::Path};

use chukan::grpc::proto::v1::{ReplicaFileForm, replica_service_client::ReplicaServiceClient};
use tempfile::TempDir;

use crate::{
    folder::{appears, serve},
    net::{Net, WARD},
    replica_files::export,
};

/// The registered replicas as a file, each with another record key.
async fn other_replicas(net: &Net) -> String {
    let mut client = ReplicaServiceClient::new(net.channel(WARD).await);
    let csv = export(&mut client, ReplicaFileForm::Csv, "utf-8").await;
    String::from_utf8(csv)
        .unwrap()
        .replace(",2026,2026,", ",next,2026,")
}

/// Puts a file in place at once, as who hands one over should.
fn hand_over(own: &Path, name: &str, text: &[u8]) {
    let beside = own.join(format!("{name}.coming"));
    fs::write(&beside, text).unwrap();
    fs::rename(beside, own.join("in").join(name)).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_file_is_taken_over_once_and_flaws_stand_beside_a_refused_one() {
    let (data, folder) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let own = folder.path().join(WARD).join("replica");
    fs::create_dir_all(own.join("in")).unwrap();
    let net = serve(data.path(), folder.path());
    let csv = other_replicas(&net).await;
    let replicas = csv.lines().filter(|line| line.contains(",KAZEI,")).count();

    hand_over(&own, "june.csv", csv.as_bytes());
    let report = appears(&own.join("taken/june.csv.report.csv"));
    let (_, counts) = report.trim_end().split_once("\r\n").unwrap();
    let counts: Vec<_> = counts.split(',').collect();
    assert_eq!(
        counts[2..],
        [&replicas.to_string(), "0", "0", "0", "0"],
        "{report}"
    );
    appears(&own.join("taken/june.csv"));

    // The same file under its name is refused; under another it is put away with the number of the import.
    hand_over(&own, "june.csv", csv.as_bytes());
    let again = appears(&own.join("refused/june.csv.errors.csv"));
    assert!(again.contains("FILE_TAKEN"), "{again}");
    hand_over(&own, "copy.csv", csv.as_bytes());
    let copy = appears(&own.join("taken/copy.csv.report.csv"));
    assert!(copy.contains("取込番号1で"), "{copy}");

    let flawed = csv.replacen(",KAZEI,", ",NASHI,", 2);
    hand_over(&own, "flawed.csv", flawed.as_bytes());
    appears(&own.join("refused/flawed.csv"));
    let errors = fs::read_to_string(own.join("refused/flawed.csv.errors.csv")).unwrap();
    assert!(errors.matches("UNKNOWN_SET").count() == 2, "{errors}");
    assert!(!own.join("taken/flawed.csv").exists());

    // All there is, in one file: what it does not name is deleted.
    let (names, rows) = csv.split_once("\r\n").unwrap();
    let person = rows.split(',').nth(3).unwrap();
    let one = rows.lines().filter(|line| line.contains(person));
    let one: String = one.map(|line| format!("{line}\r\n")).collect();
    hand_over(&own, "all.full.csv", format!("{names}\r\n{one}").as_bytes());
    let full = appears(&own.join("taken/all.full.csv.report.csv"));
    let deleted: usize = full.trim_end().rsplit(',').nth(2).unwrap().parse().unwrap();
    assert!(deleted > 0, "{full}");
    let mut client = ReplicaServiceClient::new(net.channel(WARD).await);
    let left = export(&mut client, ReplicaFileForm::Csv, "utf-8").await;
    let left = String::from_utf8(left).unwrap();
    assert!(
        left.lines().skip(1).all(|line| line.contains(person)),
        "{left}"
    );
    assert_eq!(fs::read_dir(own.join("in")).unwrap().count(), 0);
}
