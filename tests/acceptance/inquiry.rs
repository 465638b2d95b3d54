//! 情報照会: submit, get, wait, watch, list, cancel; each result in its own words.

use std::{fs, time::Duration};

use crate::net::{
    self, CITY, DESIGNATED, DESIGNATED_WARD, TAX, WARD, ask, codes, detail, person, serial_of,
    tax_inquiry,
};
use chukan::{
    grpc::proto::{
        sim::v1::{ListPeopleRequest, population_service_client::PopulationServiceClient},
        v1::{
            self, Condition, Inquiry, Period, SubmitInquiryRequest, UnlinkSymbolRequest,
            condition::Kind, provision_record_service_client::ProvisionRecordServiceClient,
            specific_info_result::Answer, symbol_service_client::SymbolServiceClient,
        },
    },
    sample::definitions::write_embedded,
};

/// The message of an inquiry's first exchange.
fn text(inquiry: &Inquiry) -> &str {
    let result = inquiry.details[0].specific_infos[0].result.as_ref();
    &result.unwrap().message
}

/// The plain answer of an inquiry's first exchange.
fn plain(inquiry: &Inquiry) -> &v1::Answer {
    match &inquiry.details[0].specific_infos[0].answer {
        Some(Answer::Plain(answer)) => answer,
        other => panic!("no plain answer: {other:?}"),
    }
}

/// What an inquiry of ひかり市 about a sample person asks of an institution.
fn from_designated(record_id: &str, index: u32, provider: &str) -> SubmitInquiryRequest {
    let mut request = tax_inquiry(record_id, index);
    request.details[0] = detail(record_id, &person(index, DESIGNATED), provider, TAX);
    request
}

#[tokio::test]
async fn a_person_without_a_symbol_at_the_inquirer_is_told_by_number() {
    let net = net::start();
    let mut client = net.inquiries(CITY).await;
    let mut symbols = SymbolServiceClient::new(net.channel(CITY).await);
    let unlinked = person(10, CITY);
    assert_eq!(
        codes(&ask(&mut client, tax_inquiry("u-1", 10)).await),
        ["01"]
    );
    let unlink = UnlinkSymbolRequest {
        addressee_number: unlinked.clone(),
        reason: v1::UnlinkReason::MovedOut.into(),
    };
    symbols.unlink_symbol(unlink).await.unwrap();
    for (record_id, number) in [("u-2", unlinked.as_str()), ("u-3", "000000000000001")] {
        let mut request = tax_inquiry(record_id, 0);
        request.details[0].addressee_number = number.into();
        let inquiry = ask(&mut client, request).await;
        assert_eq!(codes(&inquiry), ["35"]);
        let known = format!("指定された団体内統合宛名番号「{number}」は符号が未取得です。");
        assert_eq!(text(&inquiry), known);
        assert_eq!(inquiry.details[0].status_code, "99");
    }
    // Person 5 has a symbol here but none at the provider: the known text, which names a number, is not for that.
    let inquiry = ask(&mut client, tax_inquiry("u-4", 5)).await;
    assert_eq!(
        (codes(&inquiry), text(&inquiry)),
        (vec!["35".into()], "該当者の符号が未取得です。")
    );
}

#[tokio::test]
async fn the_wrong_institution_is_told_for_a_person_and_for_an_information() {
    let net = net::start();
    let mut designated = net.inquiries(DESIGNATED).await;
    let moved_out = ask(&mut designated, from_designated("w-1", 4, CITY)).await;
    assert_eq!(codes(&moved_out), ["34"]);
    let at_home = ask(&mut designated, from_designated("w-2", 4, WARD)).await;
    assert_eq!(codes(&at_home), ["01"]);

    let mut city = net.inquiries(CITY).await;
    let mut request = tax_inquiry("w-3", 0);
    request.affair = "JM90000000000008".into();
    request.procedure = "JT90000000000008".into();
    request.details[0].specific_infos[0].specific_info = "TM90000000000003".into();
    let not_held = ask(&mut city, request).await;
    assert_eq!(codes(&not_held), ["34"]);
    let known = "指定された機関は、該当者の特定個人情報を保有していません。";
    assert_eq!((text(&moved_out), text(&not_held)), (known, known));
}

#[tokio::test]
async fn each_kind_of_no_data_is_told_apart() {
    let net = net::start();
    let mut client = net.inquiries(CITY).await;
    let mut texts = std::collections::BTreeSet::new();
    let cases = [
        (1, "31"),
        (2, "32"),
        (3, "33"),
        (5, "35"),
        (6, "41"),
        (7, "13"),
    ];
    for (index, code) in cases {
        let inquiry = ask(&mut client, tax_inquiry(&format!("n-{index}"), index)).await;
        assert_eq!(codes(&inquiry), [code], "sample person {index}");
        let answered = inquiry.details[0].specific_infos[0].answer.is_some();
        assert_eq!(answered, code == "41", "sample person {index}");
        texts.insert(text(&inquiry).to_owned());
    }
    assert_eq!(texts.len(), cases.len(), "{texts:?}");
}

#[tokio::test]
async fn several_people_and_informations_keep_their_order_and_each_its_own_status() {
    let net = net::start();
    let mut client = net.inquiries(CITY).await;
    let mut request = tax_inquiry("m-0", 0);
    for (at, index) in [10, 1, 7].into_iter().enumerate() {
        let record_id = format!("m-{}", at + 1);
        request
            .details
            .push(detail(&record_id, &person(index, CITY), WARD, TAX));
    }
    let not_permitted = detail("", "", WARD, "TM90000000000001").specific_infos;
    request.details[1]
        .specific_infos
        .splice(0..0, not_permitted);
    let inquiry = ask(&mut client, request).await;
    assert_eq!(codes(&inquiry), ["01", "20", "01", "31", "13"]);
    let details = inquiry.details.iter();
    let stand: Vec<_> = details
        .map(|detail| (detail.record_id.as_str(), detail.status_code.as_str()))
        .collect();
    assert_eq!(
        stand,
        [("m-0", "09"), ("m-1", "19"), ("m-2", "99"), ("m-3", "03")]
    );
    assert_eq!(inquiry.state(), v1::InquiryState::WaitingForStaff);
    let infos = &inquiry.details[1].specific_infos;
    assert_eq!(infos[0].specific_info, "TM90000000000001");
    assert!(infos[0].answer.is_none() && infos[1].answer.is_some());
    assert_eq!(inquiry.details[2].addressee_number, person(1, CITY));
}

#[tokio::test]
async fn a_ward_of_the_designated_city_is_asked_at_its_city() {
    let net = net::start();
    let mut people = PopulationServiceClient::new(net.channel("operator").await);
    let listed = people.list_people(ListPeopleRequest::default()).await;
    let listed = listed.unwrap().into_inner().people;
    let resident = listed
        .iter()
        .find(|person| person.home == DESIGNATED)
        .unwrap();
    let mut client = net.inquiries(CITY).await;
    let mut request = tax_inquiry("d-1", resident.index);
    request.details[0].specific_infos[0].provider = DESIGNATED_WARD.into();
    let inquiry = ask(&mut client, request).await;
    assert_eq!(codes(&inquiry), ["01"]);
    assert_eq!(inquiry.details[0].specific_infos[0].provider, DESIGNATED);
}

#[tokio::test]
async fn the_items_asked_for_are_sent_and_no_others() {
    let net = net::start();
    let mut client = net.inquiries(CITY).await;
    let items = ["TK90000000002001", "TK90000000002004"];
    let mut request = tax_inquiry("i-1", 0);
    request.details[0].specific_infos[0].items = items.map(String::from).into();
    let inquiry = ask(&mut client, request).await;
    assert_eq!(codes(&inquiry), ["01"]);
    for record in &plain(&inquiry).records {
        let sent = record.content.iter().flat_map(|data_set| &data_set.items);
        let sent: Vec<_> = sent.map(|item| item.item_code.as_str()).collect();
        assert_eq!(sent, items);
    }
}

#[tokio::test]
async fn an_inquiry_that_names_the_most_items_ends_and_is_on_record() {
    let dir = tempfile::tempdir().unwrap();
    let definitions = dir.path().join("definitions");
    write_embedded(&definitions).unwrap();
    let items: Vec<_> = (1..=1_000).map(|n| format!("TK9{n:013}")).collect();
    let rows = items.iter().map(|code| {
        format!("{{ code = \"{code}\", name = \"項目\", kind = \"flag\", required = false }},\n")
    });
    let layout = format!(
        "specific_info = \"TM90000000000009\"\nname = \"項目の多い情報\"\nversion = \"2026.04\"\n\
         effective_from = \"2026-04-01\"\n[[data_sets]]\ncode = \"KUMI\"\nname = \"組\"\nmin = 1\nmax = 1\n\
         items = [\n{}]\n",
        rows.collect::<String>()
    );
    fs::write(definitions.join("layouts/many.toml"), layout).unwrap();
    let net = net::start_in(dir.path(), &[]);
    let mut client = net.inquiries(CITY).await;
    let mut request = tax_inquiry("i-1", 0);
    request.details[0].specific_infos[0].specific_info = "TM90000000000009".into();
    request.details[0].specific_infos[0].items = items.clone();
    let inquiry = ask(&mut client, request).await;
    assert_eq!(
        codes(&inquiry),
        ["20"],
        "the permission list has no row for it"
    );
    let mut records = ProvisionRecordServiceClient::new(net.channel(CITY).await);
    let processing_serial = serial_of(&inquiry);
    let request = v1::GetProvisionRecordRequest { processing_serial };
    let record = records.get_provision_record(request).await.unwrap();
    assert_eq!(record.into_inner().record.unwrap().items, items);
}

#[tokio::test]
async fn a_condition_chooses_the_records() {
    let net = net::start();
    let mut client = net.inquiries(CITY).await;
    let all = ask(&mut client, tax_inquiry("c-0", 0)).await;
    let years = |inquiry: &Inquiry| {
        let records = plain(inquiry).records.iter();
        records
            .map(|record| record.fiscal_year.unwrap())
            .collect::<Vec<_>>()
    };
    let (newest, oldest) = (
        years(&all)[0].max(years(&all)[1]),
        years(&all)[0].min(years(&all)[1]),
    );
    assert_eq!(newest, oldest + 1);
    let during = |year: i32| {
        Kind::Period(Period {
            from: format!("{year}-04-01"),
            to: format!("{}-03-31", year + 1),
        })
    };
    let open = Kind::Period(Period {
        from: format!("{oldest}-04-01"),
        to: String::new(),
    });
    let cases = [
        (Kind::FiscalYear(newest), vec![newest]),
        (Kind::FiscalYear(oldest), vec![oldest]),
        (Kind::FiscalYear(oldest - 1), vec![]),
        (during(newest), vec![newest]),
        (during(oldest), vec![oldest]),
        (during(oldest - 1), vec![]),
        (open, vec![oldest, newest]),
    ];
    for (at, (kind, expected)) in cases.into_iter().enumerate() {
        let mut request = tax_inquiry(&format!("c-{}", at + 1), 0);
        let said = format!("{kind:?}");
        request.details[0].specific_infos[0].condition = Some(Condition { kind: Some(kind) });
        let inquiry = ask(&mut client, request).await;
        if expected.is_empty() {
            assert_eq!(codes(&inquiry), ["31"], "{said}");
        } else {
            let mut found = years(&inquiry);
            found.sort_unstable();
            assert_eq!(found, expected, "{said}");
        }
    }
}

#[tokio::test]
async fn an_ordinary_inquiry_ends_normally_with_the_opened_answer() {
    let net = net::start();
    let mut client = net.inquiries(CITY).await;
    let inquiry = ask(&mut client, tax_inquiry("a-1", 0)).await;
    assert_eq!(inquiry.state(), v1::InquiryState::Ended);
    let detail = &inquiry.details[0];
    assert_eq!(
        (detail.status_code.as_str(), detail.message.as_str()),
        ("09", "正常終了")
    );
    assert_eq!(detail.specific_infos[0].provider, WARD);
    let answer = plain(&inquiry);
    assert!(!answer.records.is_empty());
    assert!(!answer.records[0].content[0].items.is_empty());
    let kept = Duration::from_secs(7 * 24 * 3_600).as_secs();
    let (ended, expires) = (inquiry.accepted_at.unwrap(), inquiry.expires_at.unwrap());
    assert!(u64::try_from(expires.seconds - ended.seconds).unwrap() - kept < 60);
}
