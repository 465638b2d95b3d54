//! docs/errors.md against the code, and what the READMEs quote against the files.

use std::collections::{BTreeMap, BTreeSet};

use chukan::{
    domain::{
        acquisition::AcquisitionRefusal,
        addressee::AddresseeRefusal,
        correction::CorrectionRefusal,
        download::DownloadRefusal,
        identity::IdentityRefusal,
        portal::PortalRefusal,
        refusal::{Refusal, Thing},
        result::{DetailStatus, ResultCode},
        staff::StaffRefusal,
        unready::Unready,
    },
    grpc::code_of,
};
use tonic::Code;

use crate::source::{files, read};

/// The cells of the table below `heading` in docs/errors.md, without its head.
fn table(heading: &str) -> Vec<Vec<String>> {
    let page = read("docs/errors.md");
    let section = page
        .split("\n## ")
        .find(|section| section.starts_with(heading));
    let section = section.unwrap_or_else(|| panic!("no section {heading}"));
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let cells = |row: &str| {
        let cells = row.trim_matches('|').split('|');
        cells
            .map(|cell| cell.trim().trim_matches('`').to_owned())
            .collect()
    };
    rows.map(cells).collect()
}

#[test]
fn every_result_is_in_the_table_as_the_code_says_it() {
    let rows = table("Results of an exchange");
    let written: Vec<_> = rows.iter().map(|row| row[..4].to_vec()).collect();
    let coded = ResultCode::ALL.map(|code| {
        let name = serde_json::to_value(code).unwrap();
        vec![
            code.status_code().to_owned(),
            name.as_str().unwrap().to_owned(),
            code.message_ja().to_owned(),
            if code.is_final() { "yes" } else { "no" }.to_owned(),
        ]
    });
    assert_eq!(written, coded);
    assert!(
        rows.iter()
            .all(|row| row.len() == 7 && row.iter().all(|cell| !cell.is_empty()))
    );
}

#[test]
fn every_status_of_a_detail_is_in_the_table() {
    // A new status does not compile here before it is listed.
    let all = [
        DetailStatus::InProgress,
        DetailStatus::WaitingForStaff,
        DetailStatus::EndedNormally,
        DetailStatus::EndedPartly,
        DetailStatus::EndedWithoutAnswer,
    ];
    let name = |status| match status {
        DetailStatus::InProgress => "InProgress",
        DetailStatus::WaitingForStaff => "WaitingForStaff",
        DetailStatus::EndedNormally => "EndedNormally",
        DetailStatus::EndedPartly => "EndedPartly",
        DetailStatus::EndedWithoutAnswer => "EndedWithoutAnswer",
    };
    let coded = all.map(|status| {
        [status.status_code(), name(status), status.message_ja()]
            .map(str::to_owned)
            .to_vec()
    });
    let written: Vec<_> = table("Status of a detail")
        .iter()
        .map(|row| row[..3].to_vec())
        .collect();
    assert_eq!(written, coded);
}

#[test]
fn every_refusal_is_in_the_table_with_its_code_and_both_remedies() {
    let rows = table("Refusals of a call");
    let written: BTreeMap<_, _> = rows
        .iter()
        .map(|row| (row[0].clone(), row[1].clone()))
        .collect();
    assert_eq!(
        written.len(),
        rows.len(),
        "a reason stands in the table twice"
    );
    let coded: BTreeMap<_, _> = every_refusal()
        .iter()
        .map(|refusal| {
            (
                refusal.reason().to_owned(),
                grpc_name(code_of(refusal)).to_owned(),
            )
        })
        .collect();
    assert_eq!(written, coded);
    assert!(
        rows.iter()
            .all(|row| row.len() == 6 && row.iter().all(|cell| !cell.is_empty()))
    );
    let named: BTreeSet<_> = coded.into_keys().collect();
    assert_eq!(named, reasons_in_the_source());
}

#[test]
fn every_refusal_of_the_national_server_is_in_its_table() {
    let page = read("docs/identity-information.md");
    let (_, table) = page.split_once("| refusal | message |").unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
    let written = rows.filter_map(|row| {
        let (reason, message) = row.strip_suffix(" |")?.split_once("` | ")?;
        reason
            .chars()
            .all(|c| c == '_' || c.is_ascii_uppercase())
            .then_some((reason, message))
    });
    let coded = IdentityRefusal::ALL.map(|why| (why.reason(), why.ja()));
    assert_eq!(written.collect::<Vec<_>>(), coded);
}

#[test]
fn every_refusal_speaks_japanese() {
    for refusal in every_refusal() {
        assert!(refusal.ja().ends_with('。'), "{}", refusal.reason());
    }
}

/// One of each kind.
fn every_refusal() -> Vec<Refusal> {
    use AcquisitionRefusal::{
        AlreadyLinked, MassEnded, MassRunning, NotLinked, SerialExpired, SerialPending,
        SerialUnknown,
    };
    let acquisitions = [
        AlreadyLinked,
        SerialPending,
        SerialUnknown,
        SerialExpired,
        NotLinked,
        MassRunning,
        MassEnded,
    ];
    let mut refusals = vec![
        Refusal::Malformed(Vec::new()),
        Refusal::RecordIdExists(Vec::new()),
        Refusal::InstitutionMismatch,
        Refusal::InstitutionUnknown("9900000000001100".parse().unwrap()),
        Refusal::CallerNotEntitled,
        Refusal::UnitNotAuthorised,
        Refusal::UserNotAuthorised,
        Refusal::NothingToDispose,
        Refusal::SealingKeyMissing,
        Refusal::SealingKeyExists,
        Refusal::NotFound(Thing::Inquiry),
        Refusal::ReplicasUnknown(Vec::new()),
        Refusal::FileTaken(1),
        Refusal::ResultsDeleted,
        Refusal::InquiryEnded,
        Refusal::ProvisionMoved,
        Refusal::MarkMoved,
        Refusal::ProvisionDecided,
        Refusal::ProvisionChecked,
        Refusal::ProvisionNotChecked,
        Refusal::FourEyes,
        Refusal::ContentChanged,
        Refusal::Correction(CorrectionRefusal::Moved),
        Refusal::Correction(CorrectionRefusal::NotWaiting),
        Refusal::Correction(CorrectionRefusal::ReplicaChanged),
        Refusal::Correction(CorrectionRefusal::NothingChanged),
        Refusal::Correction(CorrectionRefusal::TooMany),
        Refusal::Addressee(AddresseeRefusal::NumberHeld),
        Refusal::Addressee(AddresseeRefusal::LocalNumberTaken),
        Refusal::Addressee(AddresseeRefusal::SameFourItems),
        Refusal::Addressee(AddresseeRefusal::NotCurrent),
        Refusal::Addressee(AddresseeRefusal::Died),
        Refusal::Addressee(AddresseeRefusal::MergedWithItself),
        Refusal::ResidentNetworkClosed,
        Refusal::ResidentNetworkDown,
        Refusal::Download(DownloadRefusal::Expired),
        Refusal::Download(DownloadRefusal::Range { bytes: 1 }),
        Refusal::BatchFlawed(Vec::new()),
        Refusal::BatchExists,
        Refusal::BatchEnded,
        Refusal::NotInEncoding(Vec::new()),
        Refusal::IdentityNotEntitled,
        Refusal::PermitNotIssued(ResultCode::NotPermitted),
        Refusal::ListUnusable,
        Refusal::ListUnverified,
        Refusal::Portal(PortalRefusal::TokenUnknown),
        Refusal::Portal(PortalRefusal::NoSelfProvision),
        Refusal::Unready(Unready::InstitutionBusy),
        Refusal::Unready(Unready::DiskFull),
        Refusal::Overloaded,
        Refusal::RecordsUnavailable,
        Refusal::WorldExists,
        Refusal::WorldStays,
    ];
    refusals.extend(acquisitions.map(Refusal::Acquisition));
    let staff = [
        StaffRefusal::SignIn,
        StaffRefusal::NoSession,
        StaffRefusal::PasswordDue,
        StaffRefusal::NotAuthorised,
        StaffRefusal::OwnAccount,
        StaffRefusal::AccountExists,
    ];
    refusals.extend(staff.map(Refusal::Staff));
    refusals
}

/// The reasons as `Refusal::reason` spells them, so that a new one cannot be forgotten here.
fn reasons_in_the_source() -> BTreeSet<String> {
    let source = read("src/domain/refusal.rs");
    let (_, reason) = source.split_once("pub fn reason(&self)").unwrap();
    let (reason, _) = reason.split_once("/// The Japanese message").unwrap();
    let quoted = reason.split('"').skip(1).step_by(2);
    quoted.map(str::to_owned).collect()
}

fn grpc_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[test]
fn the_readmes_quote_the_python_client_as_it_is() {
    let client = read("docs/examples/python_client.py");
    for page in ["README.md", "README.ja.md"] {
        assert!(
            read(page).contains(&format!("```python\n{client}```")),
            "{page} does not quote docs/examples/python_client.py"
        );
    }
}

#[test]
fn the_japanese_readme_has_the_parts_of_the_english_one() {
    let outline = |page: &str| -> Vec<String> {
        let text = read(page);
        let marks = text.lines().filter_map(|line| {
            let mark = line.split(' ').next().unwrap_or_default();
            let is_mark =
                ["#", "##"].contains(&mark) || mark.starts_with("```") || line.starts_with("<!-- ");
            is_mark.then(|| if mark.starts_with('#') { mark } else { line }.to_owned())
        });
        marks.collect()
    };
    assert_eq!(outline("README.md"), outline("README.ja.md"));
}

/// Every page that a reader is sent to.
fn pages() -> Vec<String> {
    let mut pages = vec!["README.md".to_owned(), "README.ja.md".to_owned()];
    for folder in ["docs", "docs/adr", "certs"] {
        for entry in std::fs::read_dir(crate::source::root().join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".md") {
                pages.push(format!("{folder}/{name}"));
            }
        }
    }
    pages
}

#[test]
fn what_the_pages_link_to_and_name_is_there() {
    let root = crate::source::root();
    let mut missing = Vec::new();
    for page in pages() {
        let text = read(&page);
        let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
        for link in text.split("](").skip(1) {
            let target = link.split([')', '#']).next().unwrap_or_default();
            let is_local = !target.is_empty() && !target.contains("://");
            if is_local && !root.join(folder).join(target).exists() {
                missing.push(format!("{page} links to {target}"));
            }
        }
        for name in text.split('`').skip(1).step_by(2) {
            let is_source = name.ends_with(".rs") && name.contains('/');
            let is_there = root.join(name).exists() || root.join("src").join(name).exists();
            if is_source && !is_there {
                missing.push(format!("{page} names {name}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_name_of_the_glossary_is_in_the_code_or_the_schema() {
    let texts: String = files(&["src"]).into_iter().map(|file| file.text).collect();
    let in_code = words(&texts);
    let in_schema = words(&schema());
    let page = read("docs/glossary.md");
    for row in page.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<_> = row.split('|').collect();
        for (cell, known) in [(cells[3], &in_code), (cells[4], &in_schema)] {
            for quoted in cell.split('`').skip(1).step_by(2) {
                let unknown: Vec<_> = words(quoted).difference(known).cloned().collect();
                assert!(
                    unknown.is_empty(),
                    "the glossary names {quoted}: {unknown:?}"
                );
            }
        }
    }
}

/// The text of the services' descriptors and of the metadata key that they mention.
fn schema() -> String {
    let folders = ["proto/chukan/v1", "proto/chukan/sim/v1"];
    let files = folders.into_iter().flat_map(|folder| {
        let entries = std::fs::read_dir(crate::source::root().join(folder)).unwrap();
        entries.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
    });
    files.collect()
}

fn words(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    let words = words.filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

#[test]
fn the_columns_of_an_inquiry_file_are_those_of_the_code() {
    let page = read("docs/batch-files.md");
    let (form, _) = page.split_once("\n## What can be wrong").unwrap();
    let rows = form.lines().filter_map(|line| {
        let cells: Vec<_> = line.strip_prefix("| ")?.split(" | ").collect();
        cells[0].parse::<usize>().ok()?;
        Some(cells[..5].join(" | "))
    });
    let rows: Vec<_> = rows.collect();
    let columns = chukan::domain::batch_file::Column::ALL.map(|column| {
        let (number, ja, name) = (column.number(), column.ja(), column.name());
        let (width, begins_at) = (column.width(), column.begins_at());
        format!("{number} | {ja} | `{name}` | {width} | {begins_at}")
    });
    assert_eq!(rows, columns);
}

#[test]
fn every_flaw_of_a_replica_file_is_in_its_table() {
    let page = read("docs/replica-files.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let written: Vec<_> = rows.filter_map(|row| row.split('`').next()).collect();
    let source = read("src/domain/replica_file/flaw.rs");
    let (_, code) = source.split_once("fn code(&self)").unwrap();
    let code = code.rsplit("fn ja").last().unwrap();
    let coded = code.split("=> \"").skip(1);
    let coded: Vec<_> = coded.filter_map(|rest| rest.split('"').next()).collect();
    let named = coded.iter().filter(|code| **code == code.to_uppercase());
    assert_eq!(written, named.copied().collect::<Vec<_>>());
}
