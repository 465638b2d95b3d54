//! A business system that speaks its own 宛名番号 sends and fetches inquiry files with them, and never meets the other kind.

use std::{fs, process::Command};

use chukan::{
    domain::batch_file::{Column, RowCondition},
    grpc::proto::v1::{
        self, BatchTaking, batch_service_client::BatchServiceClient,
        symbol_service_client::SymbolServiceClient,
    },
};
use prost::Message;
use tempfile::TempDir;
use tonic::{Code, transport::Channel};

use crate::{
    attachment::{
        ADDRESSEE_SYSTEM, LOCAL_SYSTEM, channel, local, net_with_authorities, number_all,
        shows_none_in,
    },
    downloads,
    folder::appears,
    inquiry_files::{counts, fetch, file, header, of, row, settled, submit},
    net::{self, CITY, Net, person},
    told::{echoes, told},
};

const NAME: &str = "kyufu_20261122093000_0001.DAT";

/// A row about a person with these numbers in their columns.
fn line(index: u32, local: &str, addressee: &str) -> String {
    let written = file([row(index, RowCondition::None)]);
    let written = String::from_utf8(written).unwrap();
    let mut columns: Vec<_> = written
        .trim_end_matches("\r\n")
        .split(',')
        .map(str::to_owned)
        .collect();
    columns[Column::LocalNumber.number() - 1] = format!("{local:<15}");
    columns[Column::AddresseeNumber.number() - 1] = format!("{addressee:<15}");
    columns.join(",") + "\r\n"
}

fn local_line(index: u32) -> String {
    line(index, &local(index), "")
}

async fn client(net: &Net, system: &str) -> (BatchServiceClient<Channel>, Channel) {
    let own = channel(net, system).await;
    (BatchServiceClient::new(own.clone()), own)
}

async fn stop(net: Net) {
    tokio::task::spawn_blocking(|| net.stop()).await.unwrap();
}

#[tokio::test]
async fn a_file_speaks_local_numbers_from_its_rows_to_its_results_and_their_texts() {
    let net = net::start();
    let (mut client, own) = client(&net, LOCAL_SYSTEM).await;
    number_all(&net, &own).await;
    let unlink = v1::UnlinkSymbolRequest {
        addressee_number: local(10),
        reason: v1::UnlinkReason::MovedOut.into(),
    };
    let mut symbols = SymbolServiceClient::new(own);
    symbols.unlink_symbol(unlink).await.unwrap();
    let sent: Vec<_> = [0, 1, 10].into_iter().map(local_line).collect();
    let taken = submit(&mut client, header(NAME), sent.concat().as_bytes()).await;
    shows_none_in(&taken.unwrap().encode_to_vec());
    let batch = settled(&mut client, NAME).await;
    let expected = [("01", 1), ("31", 1), ("35", 1)];
    assert_eq!(
        counts(&batch),
        expected.map(|(code, rows)| (code.to_owned(), rows)).into()
    );
    shows_none_in(&batch.encode_to_vec());
    let bytes = fetch(&mut client, of(NAME)).await.unwrap();
    shows_none_in(&bytes);
    let result = String::from_utf8(bytes).unwrap();
    for request in &sent {
        let request = request.trim_end_matches("\r\n");
        assert!(result.lines().any(|line| line.starts_with(request)));
    }
    let expected = format!("指定された宛名番号「{}」は符号が未取得です。", local(10));
    assert!(result.contains(&expected), "{result}");
    let listed = client.list_batches(v1::ListBatchesRequest::default()).await;
    assert_eq!(listed.unwrap().into_inner().batches.len(), 1);
    stop(net).await;
}

#[tokio::test]
async fn rows_with_the_other_kind_and_unknown_numbers_are_flawed_and_nothing_is_repeated() {
    let net = net::start();
    let (mut client, own) = client(&net, LOCAL_SYSTEM).await;
    number_all(&net, &own).await;
    let other = person(1, CITY);
    let flawed = [
        local_line(0),
        line(1, &local(1), &other),
        line(2, "4242", ""),
        line(3, "", &person(3, CITY)),
    ];
    let bytes = flawed.concat();
    let refused = submit(&mut client, header(NAME), bytes.as_bytes()).await;
    let status = refused.unwrap_err();
    assert_eq!(
        told(&status).paths(),
        [
            "line 2, column 3 addressee_number",
            "line 3, column 2 local_number",
            "line 4, column 2 local_number",
            "line 4, column 3 addressee_number",
        ]
    );
    assert!(!echoes(&status, other.as_bytes()) && !echoes(&status, b"4242"));
    let by_row = v1::BatchHeader {
        taking: BatchTaking::ByRow.into(),
        ..header(NAME)
    };
    let taken = submit(&mut client, by_row, bytes.as_bytes()).await.unwrap();
    assert_eq!(taken.batch.unwrap().rows_left_out, 3);
    settled(&mut client, NAME).await;
    let result = fetch(&mut client, of(NAME)).await.unwrap();
    shows_none_in(&result);
    stop(net).await;
}

#[tokio::test]
async fn a_unit_without_authority_does_not_learn_which_numbers_are_known() {
    let dir = TempDir::new().unwrap();
    let net = net_with_authorities(dir.path());
    let (mut client, own) = client(&net, LOCAL_SYSTEM).await;
    number_all(&net, &own).await;
    let in_column = |line: String, column: Column, value: &str| {
        let mut columns: Vec<_> = line.split(',').map(str::to_owned).collect();
        columns[column.number() - 1] = format!("{value:<width$}", width = column.width());
        columns.join(",")
    };
    for (column, path) in [
        (Column::Unit, "column 5 unit_code"),
        (Column::User, "column 6 user_id"),
    ] {
        let lines = [local_line(0), line(1, "4242", "")];
        let [known, unknown] = lines.map(|line| {
            let line = in_column(line, Column::Unit, "FUKUSHI");
            let line = in_column(line, Column::User, "zeimu-01");
            in_column(line, column, "STRANGER")
        });
        let bytes = [known, unknown].concat();
        let refused = submit(&mut client, header(NAME), bytes.as_bytes()).await;
        let expected = [format!("line 1, {path}"), format!("line 2, {path}")];
        assert_eq!(told(&refused.unwrap_err()).paths(), expected);
    }
    stop(net).await;
}

#[tokio::test]
async fn a_result_too_big_for_a_message_is_fetched_by_the_system_that_sent_it() {
    let dir = TempDir::new().unwrap();
    let net = net::start_in(dir.path(), &downloads::ALL);
    let (mut own, own_channel) = client(&net, LOCAL_SYSTEM).await;
    let (_, other_channel) = client(&net, ADDRESSEE_SYSTEM).await;
    number_all(&net, &own_channel).await;
    let sent = [0, 1].map(local_line).concat();
    submit(&mut own, header(NAME), sent.as_bytes())
        .await
        .unwrap();
    settled(&mut own, NAME).await;
    let mut result = own.fetch_batch_result(of(NAME)).await.unwrap().into_inner();
    let named = result.message().await.unwrap().unwrap().download.unwrap();
    let (status, bytes) = downloads::fetched_over(own_channel, &named.url).await;
    assert_eq!(status, http::StatusCode::OK);
    shows_none_in(&bytes);
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains(&local(0)) && text.contains(&local(1)));
    let (status, _) = downloads::fetched_over(other_channel, &named.url).await;
    assert_eq!(status, http::StatusCode::NOT_FOUND);
    stop(net).await;
}

#[tokio::test]
async fn a_batch_is_there_only_for_those_who_speak_its_numbers() {
    let net = net::start();
    let (mut own, channel) = client(&net, LOCAL_SYSTEM).await;
    let (mut direct, _) = client(&net, ADDRESSEE_SYSTEM).await;
    number_all(&net, &channel).await;
    submit(&mut own, header(NAME), local_line(0).as_bytes())
        .await
        .unwrap();
    let other = "kyufu_20261122093000_0002.DAT";
    submit(
        &mut direct,
        header(other),
        &file([row(1, RowCondition::None)]),
    )
    .await
    .unwrap();
    for (client, foreign) in [(&mut own, other), (&mut direct, NAME)] {
        let get = v1::GetBatchRequest {
            file_name: foreign.into(),
        };
        let unknown = client.get_batch(get).await.unwrap_err();
        assert_eq!(unknown.code(), Code::NotFound);
        let unknown = fetch(client, of(foreign)).await.unwrap_err();
        assert_eq!(unknown.code(), Code::NotFound);
        let cancel = v1::CancelBatchRequest {
            file_name: foreign.into(),
        };
        let unknown = client.cancel_batch(cancel).await.unwrap_err();
        assert_eq!(unknown.code(), Code::NotFound);
        let listed = client.list_batches(v1::ListBatchesRequest::default()).await;
        let listed = listed.unwrap().into_inner().batches;
        assert!(listed.iter().all(|batch| batch.file_name != foreign));
        assert_eq!(listed.len(), 1);
    }
    stop(net).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_and_the_folder_speak_local_numbers_where_they_are_told_to() {
    let (data, folder) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let path = format!("folder.path={}", folder.path().display());
    let arguments = ["--set", path.as_str(), "--set", "folder.interval_ms=50"];
    let net = net::start_in(data.path(), &arguments);
    let (_, own) = client(&net, LOCAL_SYSTEM).await;
    number_all(&net, &own).await;
    let sent = data.path().join(NAME);
    fs::write(&sent, local_line(0)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_chukan"));
    command
        .args(["batch", "submit", "--wait", "--server", net.address()])
        .args(["--institution", CITY, "--as-system", LOCAL_SYSTEM, "--data"])
        .arg(data.path())
        .arg(&sent);
    let output = tokio::task::block_in_place(|| command.output()).unwrap();
    let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(
        output.status.success() && told.contains("正常終了"),
        "{told}"
    );
    let places = folder.path().join(format!("{CITY}-{LOCAL_SYSTEM}"));
    let name = NAME.replace("0001", "0002");
    let incoming = places.join("in");
    tokio::task::block_in_place(|| {
        fs::create_dir_all(&incoming).unwrap();
        fs::write(incoming.join(&name), local_line(1)).unwrap();
        let out = name.replace(".DAT", "_RESULT.DAT");
        let result = appears(&places.join("out").join(out));
        assert!(result.contains(&local(1)), "{result}");
        shows_none_in(result.as_bytes());
    });
    stop(net).await;
}
