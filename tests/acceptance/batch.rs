//! An inquiry file is taken whole or not at all, or row by row when asked; every row ends once, with its records.

use std::collections::BTreeMap;

use chukan::{
    domain::batch_file::{InquiryRow, RowCondition},
    grpc::proto::v1::{
        self, BatchHeader, SubmitBatchRequest, batch_service_client::BatchServiceClient,
        submit_batch_request::Part,
    },
};
use tonic::Code;

use crate::{
    inquiry_files::{client, counts, fetch, file, header, of, pieces, row, settled, submit},
    net::{self, CITY, TAX, TAX_AFFAIR, WARD},
    told::told,
};

const NAME: &str = "kyufu_20261122093000_0001.DAT";

#[tokio::test]
async fn a_file_with_a_flaw_is_refused_whole_and_all_its_flaws_are_told() {
    let net = net::start();
    let mut client = client(&net).await;
    let sound = file([row(0, RowCondition::None)]);
    let text = String::from_utf8(sound).unwrap();
    let bad = text
        .replace(TAX_AFFAIR, "XX01000000121000")
        .replace(TAX, "TM99999999999999");
    let bytes = format!("{text}{bad}short\r\n").into_bytes();
    let refused = submit(&mut client, header(NAME), &bytes).await.unwrap_err();
    let told = told(&refused);
    assert_eq!(
        (told.code, told.reason.as_str()),
        (Code::InvalidArgument, "BATCH_FILE_FLAWED")
    );
    let expected = ["line 2, column 9 affair", "line 3, character 1"];
    assert_eq!(told.paths(), expected);
    let request = v1::GetBatchRequest {
        file_name: NAME.into(),
    };
    let unknown = client.get_batch(request).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    let parts = pieces(header(NAME), &bytes).into_iter().map(|request| {
        let part = request.part.map(|part| match part {
            Part::Header(header) => v1::check_batch_request::Part::Header(header),
            Part::Chunk(chunk) => v1::check_batch_request::Part::Chunk(chunk),
        });
        v1::CheckBatchRequest { part }
    });
    let parts: Vec<_> = parts.collect();
    let mut checked = client
        .check_batch(tokio_stream::iter(parts))
        .await
        .unwrap()
        .into_inner();
    let mut found = Vec::new();
    while let Some(response) = checked.message().await.unwrap() {
        let flaw = response.flaw.unwrap();
        found.push((flaw.line, flaw.column_name, flaw.shape));
    }
    let expected = [(2, "affair", "AA99999999999999"), (3, "", "")];
    assert_eq!(
        found,
        expected.map(|(line, name, shape)| (line, name.to_owned(), shape.to_owned()))
    );
}

#[tokio::test]
async fn what_only_the_server_knows_is_checked_before_a_file_is_taken() {
    let net = net::start();
    let mut client = client(&net).await;
    let known = || row(0, RowCondition::None);
    let cases = [
        (
            "specific_info",
            InquiryRow {
                specific_info: "TM99999999999999".parse().unwrap(),
                ..known()
            },
        ),
        (
            "provider",
            InquiryRow {
                provider: "9999999999999999".parse().unwrap(),
                ..known()
            },
        ),
        (
            "provider",
            InquiryRow {
                provider: CITY.parse().unwrap(),
                ..known()
            },
        ),
        (
            "delegator",
            InquiryRow {
                delegator: "9999999999999999".parse().ok(),
                ..known()
            },
        ),
        (
            "requested_at",
            InquiryRow {
                requested_at: "2100-01-01T00:00:00Z".parse().unwrap(),
                ..known()
            },
        ),
        (
            "condition_from",
            row(0, RowCondition::FiscalYear(2100.try_into().unwrap())),
        ),
    ];
    for (column, flawed) in cases {
        let refused = submit(&mut client, header(NAME), &file([flawed]))
            .await
            .unwrap_err();
        let told = told(&refused);
        assert_eq!(told.reason, "BATCH_FILE_FLAWED");
        assert!(told.paths()[0].ends_with(column), "{told:?}");
    }
    let strange = InquiryRow {
        inquirer: WARD.parse().unwrap(),
        ..known()
    };
    let refused = submit(&mut client, header(NAME), &file([strange]))
        .await
        .unwrap_err();
    assert_eq!(told(&refused).reason, "INSTITUTION_MISMATCH");
}

#[tokio::test]
async fn a_stream_that_is_no_file_is_refused() {
    let net = net::start();
    let mut client = client(&net).await;
    let sound = file([row(0, RowCondition::None)]);
    for name in ["", "kyufu.DAT", "../kyufu_20261122093000_0001.DAT"] {
        let refused = submit(&mut client, header(name), &sound).await.unwrap_err();
        assert_eq!(told(&refused).paths(), ["header.file_name"]);
    }
    let nothing = client
        .submit_batch(tokio_stream::iter([]))
        .await
        .unwrap_err();
    assert_eq!(told(&nothing).paths(), ["header"]);
    let twice = [header(NAME), header(NAME)].map(|h| SubmitBatchRequest {
        part: Some(Part::Header(h)),
    });
    let refused = client
        .submit_batch(tokio_stream::iter(twice))
        .await
        .unwrap_err();
    assert_eq!(told(&refused).paths(), ["part"]);
    let large = vec![b' '; 5 * 1024 * 1024];
    let refused = submit(&mut client, header(NAME), &large).await.unwrap_err();
    assert_eq!(told(&refused).paths(), ["chunk"]);
    let table = BatchHeader {
        character_table: "U+E000".into(),
        ..header(NAME)
    };
    let refused = submit(&mut client, table, &sound).await.unwrap_err();
    assert_eq!(told(&refused).paths(), ["character_table"]);
}

#[tokio::test]
async fn the_same_file_is_taken_once_whatever_its_name() {
    let net = net::start();
    let mut client = client(&net).await;
    let bytes = file([row(0, RowCondition::None)]);
    submit(&mut client, header(NAME), &bytes).await.unwrap();
    let other = file([row(0, RowCondition::CurrentFiscalYear)]);
    for (name, bytes) in [(NAME, &other), ("kyufu_20261122093000_0002.DAT", &bytes)] {
        let refused = submit(&mut client, header(name), bytes).await.unwrap_err();
        assert_eq!(told(&refused).reason, "BATCH_FILE_EXISTS");
        assert_eq!(refused.code(), Code::AlreadyExists);
    }
}

#[tokio::test]
async fn a_file_shows_every_kind_of_result_in_the_order_of_its_rows() {
    let net = net::start();
    let mut client = client(&net).await;
    let rows: Vec<_> = (0..10)
        .map(|index| row(index, RowCondition::None))
        .collect();
    let sent: Vec<_> = rows.iter().map(InquiryRow::write).collect();
    let taken = submit(&mut client, header(NAME), &file(rows))
        .await
        .unwrap();
    assert_eq!(taken.batch.unwrap().rows, 10);
    let batch = settled(&mut client, NAME).await;
    let bytes = fetch(&mut client, of(NAME)).await.unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let mut codes: Vec<(usize, String, String)> = Vec::new();
    for line in text.lines() {
        let at = sent
            .iter()
            .position(|row| line.starts_with(row.as_str()))
            .unwrap();
        let cells: Vec<_> = line.split(',').collect();
        let found = (at, cells[18].to_owned(), cells[20].to_owned());
        if codes.last() != Some(&found) {
            codes.push(found);
        }
    }
    let expected = ["01", "31", "32", "33", "35", "35", "41", "13", "01", "13"];
    let infos: Vec<_> = codes.iter().map(|(_, _, info)| info.as_str()).collect();
    assert_eq!(infos, expected);
    assert!(codes.iter().map(|(at, ..)| *at).eq(0..10), "{codes:?}");
    assert_eq!(
        (
            codes[0].1.as_str(),
            codes[1].1.as_str(),
            codes[7].1.as_str()
        ),
        ("09", "99", "03")
    );
    assert_eq!(counts(&batch)["13"], 2);
    assert_eq!(batch.rows_ended, 8);
    assert_eq!(batch.state(), v1::BatchState::Running);
}

#[tokio::test]
async fn rows_with_flaws_are_left_out_when_asked_and_the_result_says_which() {
    let net = net::start();
    let mut client = client(&net).await;
    let text = String::from_utf8(file([row(0, RowCondition::None)])).unwrap();
    let bytes = format!(
        "{}{text}x\r\n",
        text.replace(TAX_AFFAIR, "XX01000000121000")
    );
    let by_row = BatchHeader {
        taking: v1::BatchTaking::ByRow.into(),
        ..header(NAME)
    };
    let taken = submit(&mut client, by_row.clone(), bytes.as_bytes())
        .await
        .unwrap();
    let lines: Vec<_> = taken.flaws.iter().map(|flaw| flaw.line).collect();
    assert_eq!((lines, taken.flaw_count), (vec![1, 3], 2));
    let batch = settled(&mut client, NAME).await;
    assert_eq!(
        (batch.rows, batch.rows_left_out, batch.rows_ended),
        (1, 2, 1)
    );
    assert_eq!(batch.state(), v1::BatchState::Ended);
    let result = String::from_utf8(fetch(&mut client, of(NAME)).await.unwrap()).unwrap();
    let codes: Vec<_> = result
        .lines()
        .map(|line| line.split(',').nth(18).unwrap())
        .collect();
    assert_eq!(
        (codes[0], codes[1], codes[codes.len() - 1]),
        ("98", "09", "98")
    );
    let other = BatchHeader {
        file_name: "kyufu_20261122093000_0002.DAT".into(),
        ..by_row
    };
    let refused = submit(&mut client, other, b"x\r\n").await.unwrap_err();
    assert_eq!(told(&refused).reason, "BATCH_FILE_FLAWED");
}

#[tokio::test]
async fn a_cancelled_batch_ends_and_its_held_rows_with_it() {
    let net = net::start();
    let mut client = client(&net).await;
    let rows = [0, 7, 9].map(|index| row(index, RowCondition::None));
    submit(&mut client, header(NAME), &file(rows))
        .await
        .unwrap();
    assert_eq!(counts(&settled(&mut client, NAME).await)["13"], 2);
    let request = v1::CancelBatchRequest {
        file_name: NAME.into(),
    };
    client.cancel_batch(request.clone()).await.unwrap();
    let batch = settled(&mut client, NAME).await;
    assert_eq!(batch.state(), v1::BatchState::Ended);
    assert_eq!(
        counts(&batch),
        BTreeMap::from([("01".into(), 1), ("53".into(), 2)])
    );
    let refused = client.cancel_batch(request).await.unwrap_err();
    assert_eq!(told(&refused).reason, "BATCH_ENDED");
}

#[tokio::test]
async fn a_result_is_written_in_shift_jis_or_refused_and_never_replaced() {
    let net = net::start();
    let mut client = client(&net).await;
    let header = BatchHeader {
        encoding: v1::TextEncoding::ShiftJis.into(),
        ..header(NAME)
    };
    submit(&mut client, header, &file([row(1, RowCondition::None)]))
        .await
        .unwrap();
    settled(&mut client, NAME).await;
    let bytes = fetch(&mut client, of(NAME)).await.unwrap();
    let message = b"\x8aY\x93\x96\x82\xb7\x82\xe9\x95\x9b\x96{"; // 該当する副本
    assert!(bytes.windows(message.len()).any(|part| part == message));
    let table = "U+E000 U+8A72";
    let request = v1::FetchBatchResultRequest {
        encoding: v1::TextEncoding::ShiftJis.into(),
        character_table: table.into(),
        ..of(NAME)
    };
    let mapped = fetch(&mut client, request).await.unwrap();
    assert!(mapped.windows(2).any(|part| part == b"\xf0\x40"));
}

#[tokio::test]
async fn batches_are_listed_newest_first_and_only_to_their_institution() {
    let net = net::start();
    let mut client = client(&net).await;
    let names = ["a_20261122093000_0001.DAT", "b_20261122093000_0001.DAT"];
    for (name, index) in names.into_iter().zip(0..) {
        let bytes = file([row(index, RowCondition::None)]);
        submit(&mut client, header(name), &bytes).await.unwrap();
        settled(&mut client, name).await;
    }
    let request = v1::ListBatchesRequest {
        page_size: 1,
        ..Default::default()
    };
    let first = client
        .list_batches(request.clone())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(first.batches[0].file_name, names[1]);
    let request = v1::ListBatchesRequest {
        page_token: first.next_page_token,
        ..request
    };
    let second = client.list_batches(request).await.unwrap().into_inner();
    assert_eq!(second.batches[0].file_name, names[0]);
    let mut stranger = BatchServiceClient::new(net.channel(WARD).await);
    let found = stranger
        .list_batches(v1::ListBatchesRequest::default())
        .await
        .unwrap();
    assert!(found.into_inner().batches.is_empty());
    let request = v1::GetBatchRequest {
        file_name: names[0].into(),
    };
    assert_eq!(
        stranger.get_batch(request).await.unwrap_err().code(),
        Code::NotFound
    );
}
