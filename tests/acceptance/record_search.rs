//! 情報提供等記録: each filter of the search, the comparison of a period, and 不開示 from the inquiry to the record.

use chukan::grpc::proto::v1::{
    self, RecordSide, SearchProvisionRecordsRequest as Search,
    compare_provision_records_request::Scope, inquiry_service_client::InquiryServiceClient,
    ledger_service_client::LedgerServiceClient,
    permission_list_service_client::PermissionListServiceClient,
    provision_record_service_client::ProvisionRecordServiceClient,
};

use crate::{
    frozen::{self, InWorld, hour},
    net::{
        self, CITY, KEY_CITY, Net, TAX, TAX_AFFAIR, TAX_PROCEDURE, WARD, person, serial_of,
        tax_inquiry,
    },
    tools::{forge, stopped},
};

type Records = ProvisionRecordServiceClient<InWorld>;

/// Three exchanges of あさひ野市 at the hours 0, 1 and 2 of a world, and what it may search.
async fn three(net: &Net) -> (Records, Vec<String>) {
    frozen::create(net).await;
    let channel = frozen::channel(net, CITY).await;
    let mut inquiries = InquiryServiceClient::new(channel.clone());
    let mut serials = Vec::new();
    for at in 0..3_i64 {
        frozen::set_hour(net, at).await;
        let mut request = tax_inquiry(&format!("s-{at}"), 0);
        request.requested_at = Some(hour(at));
        serials.push(serial_of(&frozen::ask(&mut inquiries, request).await));
    }
    (ProvisionRecordServiceClient::new(channel), serials)
}

async fn found(records: &mut Records, search: Search) -> Vec<String> {
    let found = records.search_provision_records(search).await.unwrap();
    let found = found.into_inner().records.into_iter();
    found.map(|record| record.processing_serial).collect()
}

#[tokio::test]
async fn each_filter_finds_what_fits_and_nothing_else() {
    let net = net::start();
    let (mut records, serials) = three(&net).await;
    let all = Search::default;
    let fits = [
        Search {
            counterpart: WARD.into(),
            ..all()
        },
        Search {
            side: RecordSide::Inquirer.into(),
            ..all()
        },
        Search {
            affair: TAX_AFFAIR.into(),
            ..all()
        },
        Search {
            procedure: TAX_PROCEDURE.into(),
            ..all()
        },
        Search {
            specific_info: TAX.into(),
            ..all()
        },
        Search {
            result: v1::ResultCode::EndedNormally.into(),
            ..all()
        },
        Search {
            from: Some(hour(0)),
            to: Some(hour(3)),
            ..all()
        },
    ];
    for search in fits {
        assert_eq!(
            found(&mut records, search.clone()).await,
            serials,
            "{search:?}"
        );
    }
    let misses = [
        Search {
            counterpart: KEY_CITY.into(),
            ..all()
        },
        Search {
            side: RecordSide::Provider.into(),
            ..all()
        },
        Search {
            affair: "JM90000000000001".into(),
            ..all()
        },
        Search {
            procedure: "JT90000000000001".into(),
            ..all()
        },
        Search {
            specific_info: "TM90000000000001".into(),
            ..all()
        },
        Search {
            result: v1::ResultCode::NotPermitted.into(),
            ..all()
        },
        Search {
            from: Some(hour(3)),
            ..all()
        },
        Search {
            to: Some(hour(0)),
            ..all()
        },
    ];
    for search in misses {
        assert!(
            found(&mut records, search.clone()).await.is_empty(),
            "{search:?}"
        );
    }
    let second = Search {
        from: Some(hour(1)),
        to: Some(hour(2)),
        ..all()
    };
    assert_eq!(found(&mut records, second).await, serials[1..2]);
}

#[tokio::test]
async fn a_comparison_of_a_period_takes_what_lies_in_it_page_by_page() {
    let net = net::start();
    let (mut records, serials) = three(&net).await;
    for ((from, to), expected) in [((1, 2), &serials[1..2]), ((0, 3), &serials[..])] {
        let (mut compared, mut page_token) = (Vec::new(), String::new());
        loop {
            let range = v1::TimeRange {
                from: Some(hour(from)),
                to: Some(hour(to)),
            };
            let request = v1::CompareProvisionRecordsRequest {
                scope: Some(Scope::Range(range)),
                page_size: 1,
                page_token,
            };
            let page = records.compare_provision_records(request).await.unwrap();
            let page = page.into_inner();
            assert!(page.comparisons.len() <= 1);
            compared.extend(page.comparisons);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert!(compared.iter().all(|one| one.agree));
        let compared = compared.iter().map(|one| {
            let record = one.inquirer.as_ref().unwrap();
            record.processing_serial.clone()
        });
        assert_eq!(compared.collect::<Vec<_>>(), expected);
    }
}

#[tokio::test]
async fn a_mark_comes_with_the_inquiry_and_is_cleared_by_its_institution_alone() {
    let net = net::start();
    let mut request = tax_inquiry("m-1", 0);
    request.details[0].nondisclosure = true;
    let inquiry = net::ask(&mut net.inquiries(CITY).await, request).await;
    let marked = |who: &'static str| {
        let (net, processing_serial) = (&net, serial_of(&inquiry));
        async move {
            let mut records = ProvisionRecordServiceClient::new(net.channel(who).await);
            let request = v1::GetProvisionRecordRequest { processing_serial };
            let got = records.get_provision_record(request).await.unwrap();
            got.into_inner().record.unwrap().nondisclosure
        }
    };
    assert!(marked(CITY).await && marked(WARD).await);
    let mut records = ProvisionRecordServiceClient::new(net.channel(CITY).await);
    let request = v1::SetNondisclosureRequest {
        processing_serial: serial_of(&inquiry),
        nondisclosure: false,
    };
    let cleared = records.set_nondisclosure(request).await.unwrap();
    assert!(!cleared.into_inner().record.unwrap().nondisclosure);
    assert!(!marked(CITY).await);
    assert!(marked(WARD).await, "each institution marks its own record");
    let unmarked = tax_inquiry("m-2", 0);
    assert_eq!(unmarked.details[0].addressee_number, person(0, CITY));
    let inquiry = net::ask(&mut net.inquiries(CITY).await, unmarked).await;
    let request = v1::GetProvisionRecordRequest {
        processing_serial: serial_of(&inquiry),
    };
    let got = records.get_provision_record(request).await.unwrap();
    assert!(!got.into_inner().record.unwrap().nondisclosure);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_says_something_else_is_told_with_its_field_and_its_side() {
    let (data, world, serial) = stopped().await;
    forge(&world, &serial, &[]).await;
    let net = net::start_in(data.path(), &[]);
    let mut records = ProvisionRecordServiceClient::new(net.channel(CITY).await);
    for scope in [
        Scope::ProcessingSerial(serial.clone()),
        Scope::Range(v1::TimeRange::default()),
    ] {
        let request = v1::CompareProvisionRecordsRequest {
            scope: Some(scope),
            ..Default::default()
        };
        let compared = records.compare_provision_records(request).await.unwrap();
        let compared = compared.into_inner().comparisons;
        let (differing, agreeing): (Vec<_>, Vec<_>) = compared
            .iter()
            .partition(|one| one.processing_serial == serial);
        assert!(agreeing.iter().all(|one| one.agree));
        let [differing] = differing.as_slice() else {
            panic!("{compared:?}");
        };
        assert!(!differing.agree);
        let fields: Vec<_> = differing
            .disagreements
            .iter()
            .map(|one| &*one.field)
            .collect();
        assert_eq!(fields, ["specific_info"]);
        let core = differing.core.as_ref().unwrap();
        let others = [&differing.inquirer, &differing.provider];
        let others = others.map(|one| one.as_ref().unwrap().specific_info.as_str());
        assert_eq!(
            (core.specific_info.as_str(), others),
            ("TM00000000000003", [TAX; 2])
        );
    }
}

#[tokio::test]
async fn a_record_stands_in_the_tree_of_its_fiscal_year_in_japan() {
    let net = net::start();
    frozen::create(&net).await;
    let channel = frozen::channel(&net, CITY).await;
    let mut inquiries = InquiryServiceClient::new(channel.clone());
    let mut ledger = LedgerServiceClient::new(channel.clone());
    let mut lists = PermissionListServiceClient::new(channel);
    let mut ward = PermissionListServiceClient::new(frozen::channel(&net, WARD).await);
    // 2027-03-31 23:00 and 2027-04-01 00:00 in Japan.
    for (number, (at, trees)) in [(3_086, 1), (3_087, 2)].into_iter().enumerate() {
        frozen::set_hour(&net, at).await;
        for lists in [&mut lists, &mut ward] {
            let request = v1::RefreshPermissionListRequest {};
            lists.refresh_permission_list(request).await.unwrap();
        }
        let request = tax_inquiry(&format!("y-{number}"), 0);
        frozen::ask(&mut inquiries, request).await;
        let listed = ledger.list_trees(v1::ListTreesRequest {}).await.unwrap();
        let listed = listed.into_inner().trees;
        let own: Vec<_> = listed
            .iter()
            .filter(|tree| tree.name.starts_with(CITY))
            .map(|tree| tree.name.clone())
            .collect();
        let expected = ["2026", "2027"].map(|year| format!("{CITY}/{year}"));
        assert_eq!(own, expected[..trees]);
    }
}
