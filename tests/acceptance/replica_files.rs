//! A file of replicas is taken whole or not at all, and every flaw in it is told with its place.

use chukan::grpc::proto::v1::{
    self, ExportReplicasRequest, ListReplicaImportsRequest, ReplicaFileExtent, ReplicaFileFlaw,
    ReplicaFileForm, ReplicaFileText, ReplicaImportReport, ReplicaImportSettings,
    import_replicas_request::Part, import_replicas_response::Event,
    replica_service_client::ReplicaServiceClient,
};
use tonic::{Code, Status, transport::Channel};

use crate::{
    net::{self, CITY, TAX, WARD},
    told::told,
};

pub(crate) type Client = ReplicaServiceClient<Channel>;

pub(crate) const VERSION: &str = "2026.06";

/// A differential CSV in UTF-8.
pub(crate) fn settings() -> ReplicaImportSettings {
    ReplicaImportSettings {
        form: ReplicaFileForm::Csv.into(),
        extent: ReplicaFileExtent::Differential.into(),
        ..Default::default()
    }
}

/// Sends a file in small pieces; every flaw and the report.
pub(crate) async fn import(
    client: &mut Client,
    settings: ReplicaImportSettings,
    file: &[u8],
) -> Result<(Vec<ReplicaFileFlaw>, ReplicaImportReport), Status> {
    let pieces = file.chunks(1_000).map(|piece| Part::Piece(piece.to_vec()));
    let parts: Vec<_> = [Part::Settings(settings)]
        .into_iter()
        .chain(pieces)
        .map(|part| v1::ImportReplicasRequest { part: Some(part) })
        .collect();
    let answer = client.import_replicas(tokio_stream::iter(parts)).await?;
    let mut events = answer.into_inner();
    let mut flaws = Vec::new();
    loop {
        let event = events.message().await?.unwrap().event.unwrap();
        match event {
            Event::Progress(_) => {}
            Event::Flaw(flaw) => flaws.push(flaw),
            Event::Report(report) => return Ok((flaws, report)),
        }
    }
}

/// The registered replicas as a file.
pub(crate) async fn export(client: &mut Client, form: ReplicaFileForm, encoding: &str) -> Vec<u8> {
    let wanted = ExportReplicasRequest {
        specific_info: TAX.into(),
        layout_version: VERSION.into(),
        form: form.into(),
        text: Some(text(encoding)),
    };
    let mut parts = client.export_replicas(wanted).await.unwrap().into_inner();
    let mut file = Vec::new();
    loop {
        match parts.message().await.unwrap().unwrap().part.unwrap() {
            v1::export_replicas_response::Part::Piece(piece) => file.extend(piece),
            v1::export_replicas_response::Part::Report(report) => {
                assert_eq!(report.unwritable_replicas, 0);
                return file;
            }
        }
    }
}

fn text(encoding: &str) -> ReplicaFileText {
    ReplicaFileText {
        encoding: encoding.into(),
        character_table: String::new(),
    }
}

fn codes(flaws: &[ReplicaFileFlaw]) -> Vec<(&str, u64, u32)> {
    let place = |flaw: &ReplicaFileFlaw| (flaw.line, flaw.column);
    flaws
        .iter()
        .map(|flaw| (flaw.code.as_str(), place(flaw).0, place(flaw).1))
        .collect()
}

/// Each line once more, for other record keys.
fn renamed(csv: &str) -> String {
    let (names, rows) = csv.split_once("\r\n").unwrap();
    let rows = rows.replace(",2026,2026,", ",next,2026,");
    format!("{names}\r\n{rows}")
}

#[tokio::test]
async fn what_is_exported_can_be_imported_in_every_form_and_encoding() {
    let net = net::start();
    let mut client = ReplicaServiceClient::new(net.channel(WARD).await);
    let before = export(&mut client, ReplicaFileForm::Csv, "utf-8").await;
    for form in [ReplicaFileForm::Csv, ReplicaFileForm::Dat] {
        for encoding in ["utf-8", "shift_jis"] {
            let file = export(&mut client, form, encoding).await;
            let settings = ReplicaImportSettings {
                form: form.into(),
                text: Some(text(encoding)),
                extent: ReplicaFileExtent::Full.into(),
                file_bytes: file.len() as u64,
                again: true,
                ..Default::default()
            };
            let (flaws, report) = import(&mut client, settings, &file).await.unwrap();
            assert_eq!(flaws, [], "{form:?} {encoding}");
            let done = report.import.unwrap();
            assert!(report.taken && done.replaced > 0, "{done:?}");
            assert_eq!((done.registered, done.deleted), (0, 0));
        }
    }
    let after = export(&mut client, ReplicaFileForm::Csv, "utf-8").await;
    assert_eq!(before, after);
    let listed = client.list_replica_imports(ListReplicaImportsRequest::default());
    let numbers: Vec<_> = listed.await.unwrap().into_inner().imports;
    let numbers: Vec<_> = numbers.iter().map(|import| import.number).collect();
    assert_eq!(numbers, [4, 3, 2, 1]);
    tokio::task::spawn_blocking(|| net.stop()).await.unwrap();
}

#[tokio::test]
async fn a_file_with_a_flaw_registers_nothing_and_every_flaw_is_told() {
    let net = net::start();
    let mut client = ReplicaServiceClient::new(net.channel(WARD).await);
    let before = export(&mut client, ReplicaFileForm::Csv, "utf-8").await;
    let csv = String::from_utf8(before.clone()).unwrap();
    let mut lines: Vec<_> = renamed(&csv).lines().map(str::to_owned).collect();
    let last = lines.len() - 1;
    lines[last] += ",";
    lines[2] = lines[2].replace(",KOJO,", ",KOJYO,");
    lines[1] = lines[1].replace(",20260601,", ",20260631,");
    let file = lines.join("\r\n");
    let (flaws, report) = import(&mut client, settings(), file.as_bytes())
        .await
        .unwrap();
    assert!(!report.taken);
    assert_eq!(report.flaws, flaws.len() as u64);
    let field_count = ("FIELD_COUNT", last as u64 + 1, 1);
    for expected in [
        ("DAY", 2, 8),
        ("DIFFERS", 3, 8),
        ("UNKNOWN_SET", 3, 10),
        field_count,
    ] {
        assert!(codes(&flaws).contains(&expected), "{expected:?} {flaws:?}");
    }
    for flaw in &flaws {
        assert!(!flaw.message.is_ascii() && !flaw.remedy.is_ascii());
    }
    let after = export(&mut client, ReplicaFileForm::Csv, "utf-8").await;
    assert_eq!(before, after);
    let by_row = ReplicaImportSettings {
        by_row: true,
        ..settings()
    };
    let (_, report) = import(&mut client, by_row, file.as_bytes()).await.unwrap();
    let taken = report.import.unwrap();
    assert!(report.taken && taken.left_out >= 2 && taken.registered > 0);
    assert_eq!(taken.left_out, report.flawed_replicas);
    tokio::task::spawn_blocking(|| net.stop()).await.unwrap();
}

#[tokio::test]
async fn the_columns_of_another_version_are_recognised() {
    let net = net::start();
    let mut client = ReplicaServiceClient::new(net.channel(WARD).await);
    for form in [ReplicaFileForm::Csv, ReplicaFileForm::Dat] {
        let file = String::from_utf8(export(&mut client, form, "utf-8").await).unwrap();
        let file = file.replace("2026.06", "2025.06");
        let settings = ReplicaImportSettings {
            form: form.into(),
            ..settings()
        };
        let (flaws, report) = import(&mut client, settings, file.as_bytes())
            .await
            .unwrap();
        assert!(!report.taken);
        assert_eq!(flaws.len(), 1);
        assert_eq!(flaws[0].code, "OTHER_VERSION");
        assert!(flaws[0].message.contains("2026.06"), "{}", flaws[0].message);
        let unknown = file.replace("2025.06", "1999.06");
        let (flaws, _) = import(&mut client, settings_of(form), unknown.as_bytes())
            .await
            .unwrap();
        assert_eq!(flaws[0].code, "UNKNOWN_VERSION");
        assert!(flaws[0].message.contains("2025.06、2026.06"));
    }
    tokio::task::spawn_blocking(|| net.stop()).await.unwrap();
}

fn settings_of(form: ReplicaFileForm) -> ReplicaImportSettings {
    ReplicaImportSettings {
        form: form.into(),
        ..settings()
    }
}

#[tokio::test]
async fn a_full_file_deletes_what_it_does_not_name_and_a_deletion_what_it_names() {
    let net = net::start();
    let mut client = ReplicaServiceClient::new(net.channel(WARD).await);
    let csv = String::from_utf8(export(&mut client, ReplicaFileForm::Csv, "utf-8").await).unwrap();
    let (names, rows) = csv.split_once("\r\n").unwrap();
    let person = rows.split(',').nth(3).unwrap().to_owned();
    let own: Vec<_> = rows.lines().filter(|row| row.contains(&person)).collect();
    let file = format!("{names}\r\n{}\r\n", own.join("\r\n"));
    let full = ReplicaImportSettings {
        extent: ReplicaFileExtent::Full.into(),
        ..settings()
    };
    let (_, report) = import(&mut client, full.clone(), file.as_bytes())
        .await
        .unwrap();
    let done = report.import.unwrap();
    assert_eq!((done.replaced, done.registered), (1, 0));
    assert!(done.deleted > 0);
    assert_eq!(
        export(&mut client, ReplicaFileForm::Csv, "utf-8").await,
        file.as_bytes()
    );
    let commas = ",".repeat(names.matches(',').count() - 4);
    let deletion = format!("2,{TAX},{VERSION},{person},2026{commas}");
    let file = format!("{names}\r\n{deletion}\r\n");
    let (flaws, report) = import(&mut client, full, file.as_bytes()).await.unwrap();
    assert_eq!(
        (report.taken, flaws[0].code.as_str()),
        (false, "DELETION_IN_FULL")
    );
    let (_, report) = import(&mut client, settings(), file.as_bytes())
        .await
        .unwrap();
    assert_eq!(report.import.unwrap().deleted, 1);
    let again = file.replace("\r\n", "\n");
    let (flaws, _) = import(&mut client, settings(), again.as_bytes())
        .await
        .unwrap();
    assert_eq!(codes(&flaws), [("NOT_REGISTERED", 2, 1)]);
    tokio::task::spawn_blocking(|| net.stop()).await.unwrap();
}

#[tokio::test]
async fn the_same_file_cut_files_and_foreign_files_are_refused() {
    let net = net::start();
    let mut client = ReplicaServiceClient::new(net.channel(WARD).await);
    let file = export(&mut client, ReplicaFileForm::Csv, "shift_jis").await;
    let sjis = ReplicaImportSettings {
        text: Some(text("shift_jis")),
        ..settings()
    };
    import(&mut client, sjis.clone(), &file).await.unwrap();
    let status = import(&mut client, sjis.clone(), &file).await.unwrap_err();
    assert_eq!(told(&status).reason, "FILE_TAKEN");
    let (flaws, report) = import(&mut client, settings(), &file).await.unwrap();
    assert!(!report.taken);
    assert_eq!(flaws[0].code, "TEXT");
    let town = file
        .windows(2)
        .position(|pair| pair == [0x92, 0xac])
        .unwrap();
    let (flaws, report) = import(&mut client, sjis.clone(), &file[..=town])
        .await
        .unwrap();
    assert!(!report.taken);
    assert!(
        flaws
            .iter()
            .any(|flaw| flaw.code == "TEXT" && flaw.message.contains("途中"))
    );
    let told_bytes = ReplicaImportSettings {
        file_bytes: file.len() as u64 + 1,
        ..sjis
    };
    let (flaws, report) = import(&mut client, told_bytes, &file).await.unwrap();
    assert_eq!((report.taken, flaws[0].code.as_str()), (false, "CUT"));
    let mut city = ReplicaServiceClient::new(net.channel(CITY).await);
    let (flaws, report) = import(&mut city, settings(), b"").await.unwrap();
    assert_eq!((report.taken, flaws[0].code.as_str()), (false, "NO_ROWS"));
    let nothing = import(&mut client, ReplicaImportSettings::default(), b"")
        .await
        .unwrap_err();
    assert_eq!(told(&nothing).paths(), ["settings.form", "settings.extent"]);
    assert_eq!(nothing.code(), Code::InvalidArgument);
    tokio::task::spawn_blocking(|| net.stop()).await.unwrap();
}
