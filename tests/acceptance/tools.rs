//! The operator's tools: `ledger fsck`, `state check`, `state rebuild`, `reconcile`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use chukan::{
    crypto::signing::SigningKey,
    ledger::{self, Ledger, LedgerKeys, Owner},
    store::{RecordPlace, State, keep_own},
};
use data_encoding::HEXLOWER;
use serde_json::Value;
use tempfile::TempDir;

use crate::net::{self, CITY, WARD, ask, serial_of, tax_inquiry};

fn chukan(arguments: &[&dyn AsRef<std::ffi::OsStr>]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chukan"));
    command.args(arguments.iter().map(|argument| argument.as_ref()));
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8([output.stdout.as_slice(), &output.stderr].concat()).unwrap()
}

fn ends(output: &Output, code: i32) -> String {
    let said = said(output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

/// A stopped world in which three inquiries ended, and the serial of the first.
pub(crate) async fn stopped() -> (TempDir, PathBuf, String) {
    let net = net::start();
    let mut client = net.inquiries(CITY).await;
    let serial = serial_of(&ask(&mut client, tax_inquiry("t-1", 0)).await);
    ask(&mut client, tax_inquiry("t-2", 1)).await;
    ask(&mut client, tax_inquiry("t-3", 6)).await;
    let running = chukan(&[&"state", &"check", &"--data", &net.data()]);
    assert!(ends(&running, 1).contains("in use"));
    let running = chukan(&[&"reconcile", &"--data", &net.data()]);
    assert!(ends(&running, 0).contains("不一致0件"));
    let (status, data) = tokio::task::spawn_blocking(|| net.stop()).await.unwrap();
    assert!(status.success());
    let data = data.unwrap();
    let world = data.path().join("worlds/default");
    (data, world, serial)
}

fn keys(world: &Path) -> LedgerKeys {
    let keys: Value = serde_json::from_slice(&fs::read(world.join("keys.json")).unwrap()).unwrap();
    let key = |hex: &Value| {
        let seed = HEXLOWER.decode(hex.as_str().unwrap().as_bytes()).unwrap();
        SigningKey::from_seed(&seed).unwrap()
    };
    let institutions: BTreeMap<Owner, _> = keys["institutions"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(code, pair)| (code.parse().unwrap(), key(&pair["signing"])))
        .collect();
    LedgerKeys::new(key(&keys["core"]), institutions)
}

#[tokio::test(flavor = "multi_thread")]
async fn fsck_names_all_damage_and_changes_nothing() {
    let (_data, world, _) = stopped().await;
    let ledger = world.join("ledger");
    let sound = chukan(&[&"ledger", &"fsck", &ledger]);
    assert!(ends(&sound, 0).contains("損傷0か所"));
    let segment = ledger.join("segments/0000000001.seg");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[300] ^= 1;
    fs::write(&segment, &bytes).unwrap();
    let checkpoint = fs::read_dir(ledger.join("checkpoints")).unwrap();
    let checkpoint = checkpoint.map(|file| file.unwrap().path()).min().unwrap();
    fs::write(&checkpoint, "no checkpoint").unwrap();
    let told = ends(&chukan(&[&"ledger", &"fsck", &ledger]), 3);
    assert!(told.contains("0000000001.seg is damaged at byte"), "{told}");
    let name = checkpoint.file_name().unwrap().to_str().unwrap();
    assert!(told.contains(name), "{told}");
    assert!(told.contains("chukan backup restore"), "{told}");
    let json = chukan(&[&"ledger", &"fsck", &ledger, &"--json"]);
    let report: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(report["damage"].as_array().unwrap().len(), 2, "{report}");
    assert_eq!(fs::read(&segment).unwrap(), bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_lost_what_the_ledger_has_is_found_out_and_rebuilt() {
    let (data, world, serial) = stopped().await;
    let check = || chukan(&[&"state", &"check", &"--data", &data.path()]);
    assert!(ends(&check(), 0).contains("不一致0件"));
    {
        let state = State::open(&world.join("state"), 1 << 20).unwrap();
        let place = state.record_place("core", serial.parse().unwrap());
        let wrong = RecordPlace {
            index: 0,
            tree: "core/1999".into(),
            ..place.unwrap().unwrap()
        };
        let places = [("core", serial.parse().unwrap(), wrong)];
        state.place_records(&places).await.unwrap();
        state.close().unwrap();
    }
    let told = ends(&check(), 3);
    assert!(
        told.contains(&format!("最新のものではありません: core の {serial}")),
        "{told}"
    );
    {
        // Nothing of what follows from the ledger is left, and the state says that it has seen it.
        let (old, new) = (world.join("state"), world.join("new"));
        let state = State::open(&old, 1 << 20).unwrap();
        let followed = state.ledger_followed().unwrap();
        assert!(followed > 0);
        keep_own(&state, &new, 1 << 20).unwrap();
        state.close().unwrap();
        fs::remove_dir_all(&old).unwrap();
        fs::rename(&new, &old).unwrap();
        let state = State::open(&old, 1 << 20).unwrap();
        state.follow_ledger(followed).await.unwrap();
        state.close().unwrap();
    }
    let told = ends(&check(), 3);
    assert!(
        told.contains(&format!("位置がありません: {WARD} の {serial}")),
        "{told}"
    );
    assert!(told.contains("未使用になっています"), "{told}");
    let rebuilt = chukan(&[&"state", &"rebuild", &"--data", &data.path()]);
    assert!(ends(&rebuilt, 0).contains("state.before-rebuild-1"));
    assert!(ends(&check(), 0).contains("不一致0件"));
    let net = net::start_in(data.path(), &[]);
    assert!(!crate::statistics::agreed(&net, CITY).await.is_empty());
    let mut client = net.inquiries(CITY).await;
    let after = ask(&mut client, tax_inquiry("after", 0)).await;
    assert_eq!(net::codes(&after), ["01"]);
    let refused = chukan(&[&"state", &"rebuild", &"--data", &data.path()]);
    ends(&refused, 1);
}

/// Lets the core's record of an exchange say something else than the others', and writes these entries behind it.
pub(crate) async fn forge(world: &Path, serial: &str, bodies: &[&[u8]]) {
    let (ledger, _) = Ledger::open(&world.join("ledger"), keys(world)).unwrap();
    let mut entries = Vec::new();
    let found = |stored: ledger::StoredEntry| {
        let body = String::from_utf8(stored.body).unwrap();
        if stored.tree.owner == Owner::CORE && body.contains(serial) {
            let changed = body.replacen("TM00000000000002", "TM00000000000003", 1);
            let bodies = [changed.as_bytes()]
                .into_iter()
                .chain(bodies.iter().copied());
            entries = bodies
                .map(|body| ledger::Entry {
                    tree: stored.tree,
                    at_ms: stored.at_ms,
                    body: body.to_vec(),
                })
                .collect();
        }
    };
    ledger.replay(0, found).unwrap();
    assert!(!entries.is_empty());
    ledger.commit(entries).await.unwrap();
    ledger.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn reconcile_names_the_exchange_on_which_the_sides_differ() {
    let (data, world, serial) = stopped().await;
    let reconcile = |more: &[&dyn AsRef<std::ffi::OsStr>]| {
        let path = data.path().to_owned();
        let mut arguments: Vec<&dyn AsRef<std::ffi::OsStr>> = vec![&"reconcile", &"--data", &path];
        arguments.extend_from_slice(more);
        chukan(&arguments)
    };
    let told = ends(&reconcile(&[]), 0);
    assert!(told.contains("一致3件、不一致0件"), "{told}");
    forge(&world, &serial, &[b"{}"]).await;
    let csv = data.path().join("differences.csv");
    let told = ends(&reconcile(&[&"--csv", &csv]), 3);
    assert!(told.contains("一致2件、不一致1件"), "{told}");
    assert!(told.contains("読み取れないものが台帳に1件"), "{told}");
    assert!(
        told.contains(&format!("{serial}  specific_info: ")),
        "{told}"
    );
    let csv = fs::read_to_string(csv).unwrap();
    assert!(
        csv.contains(&format!("{serial},あり,あり,あり,\"specific_info")),
        "{csv}"
    );
    let none = ends(&reconcile(&[&"--to", &"2000-01-01"]), 3);
    assert!(none.contains("一致0件、不一致0件"), "{none}");
}
