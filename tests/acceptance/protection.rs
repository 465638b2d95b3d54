//! 不開示, 自動応答不可 and 自己情報提供不可 are three different things: each of the eight combinations does exactly what its parts
//! say, and nothing more.

use chukan::grpc::proto::v1::{
    self, ClearNoSelfProvisionRequest, ListNoSelfProvisionRequest, ListOwnRecordsRequest,
    NoAutoReply, NoSelfProvision, RequestOwnDataRequest, RequestOwnDataResponse,
    SetNoAutoReplyRequest, SetNoSelfProvisionRequest, portal_service_client::PortalServiceClient,
    provision_service_client::ProvisionServiceClient,
};
use tonic::{Code, Status};

use crate::{
    held_request::Held,
    net::{self, CITY, Net, TAX, WARD, ask, codes, person, tax_inquiry},
    portal::{portal, records, token},
    told::told,
};

async fn own_data(net: &Net, index: u32, info: &str) -> Result<RequestOwnDataResponse, Status> {
    let request = RequestOwnDataRequest {
        portal_token: token(net, index).await,
        institution: WARD.into(),
        specific_info: info.into(),
        ..Default::default()
    };
    let answered = portal(net).await.request_own_data(request).await;
    answered.map(tonic::Response::into_inner)
}

fn flag(number: &str, info: &str) -> Option<NoSelfProvision> {
    Some(NoSelfProvision {
        addressee_number: number.to_owned(),
        specific_info: info.to_owned(),
    })
}

async fn forbid(net: &Net, number: &str, info: &str) {
    let mut client = PortalServiceClient::new(net.channel(WARD).await);
    let flag = flag(number, info);
    let request = SetNoSelfProvisionRequest { flag };
    client.set_no_self_provision(request).await.unwrap();
}

async fn allow(net: &Net, number: &str, info: &str) -> Result<(), Status> {
    let mut client = PortalServiceClient::new(net.channel(WARD).await);
    let flag = flag(number, info);
    let request = ClearNoSelfProvisionRequest { flag };
    client.clear_no_self_provision(request).await.map(drop)
}

async fn hold(net: &Net, number: &str) {
    let mut client = ProvisionServiceClient::new(net.channel(WARD).await);
    let flag = Some(NoAutoReply {
        addressee_number: number.to_owned(),
        specific_info: String::new(),
    });
    let request = SetNoAutoReplyRequest { flag };
    client.set_no_auto_reply(request).await.unwrap();
}

/// What becomes of an inquiry about an ordinary person, its record and the person's own data under these marks.
async fn under(nondisclosure: bool, no_auto_reply: bool, no_self_provision: bool) {
    let net = net::start();
    let number = person(0, WARD);
    if no_auto_reply {
        hold(&net, &number).await;
    }
    if no_self_provision {
        forbid(&net, &number, "").await;
    }
    let mut inquiry = tax_inquiry("c-1", 0);
    inquiry.details[0].nondisclosure = nondisclosure;
    let mut inquiries = net.inquiries(CITY).await;
    let asked = ask(&mut inquiries, inquiry).await;
    let expected = if no_auto_reply { "13" } else { "01" };
    assert_eq!(codes(&asked), [expected]);
    if no_auto_reply {
        let mut held = Held::of(&net, asked).await;
        let (superior, seen) = (held.superior.clone(), held.checked().await);
        held.approve(&superior, &seen).await.unwrap();
    }

    let own_records = ListOwnRecordsRequest {
        portal_token: token(&net, 0).await,
        ..Default::default()
    };
    let shown = records(&net, own_records).await;
    assert_eq!(shown.len(), usize::from(!nondisclosure));
    if let Some(record) = shown.first() {
        assert_eq!(record.result.as_ref().unwrap().status_code, "01");
    }

    match own_data(&net, 0, TAX).await {
        Ok(given) => {
            assert!(!no_self_provision);
            assert_eq!(given.result.unwrap().status_code, "01");
            assert!(!given.answer.unwrap().records.is_empty());
        }
        Err(status) => {
            assert!(no_self_provision);
            assert_eq!(status.code(), Code::PermissionDenied);
            assert_eq!(told(&status).reason, "NO_SELF_PROVISION");
        }
    }
}

macro_rules! combination {
    ($name:ident, $nondisclosure:literal, $no_auto_reply:literal, $no_self_provision:literal) => {
        #[tokio::test]
        async fn $name() {
            under($nondisclosure, $no_auto_reply, $no_self_provision).await;
        }
    };
}

combination!(without_a_mark_all_is_open, false, false, false);
combination!(
    no_self_provision_alone_withholds_own_data,
    false,
    false,
    true
);
combination!(no_auto_reply_alone_holds_the_inquiry, false, true, false);
combination!(
    no_auto_reply_and_no_self_provision_show_the_record,
    false,
    true,
    true
);
combination!(nondisclosure_alone_hides_the_record, true, false, false);
combination!(
    nondisclosure_and_no_self_provision_hold_nothing,
    true,
    false,
    true
);
combination!(
    nondisclosure_and_no_auto_reply_give_own_data,
    true,
    true,
    false
);
combination!(all_three_marks_together, true, true, true);

#[tokio::test]
async fn the_sample_population_has_both_kinds_of_protected_people() {
    let net = net::start();
    let mut inquiries = net.inquiries(CITY).await;
    for (index, code) in [(10, "01"), (11, "13")] {
        let record_id = format!("s-{index}");
        let asked = ask(&mut inquiries, tax_inquiry(&record_id, index)).await;
        assert_eq!(codes(&asked), [code]);
        let refused = own_data(&net, index, TAX).await.unwrap_err();
        assert_eq!(told(&refused).reason, "NO_SELF_PROVISION");
    }
}

#[tokio::test]
async fn own_data_say_which_kind_of_nothing_there_is() {
    let net = net::start();
    for (index, info, code) in [
        (0, TAX, "01"),
        (1, TAX, "31"),
        (2, TAX, "32"),
        (3, TAX, "33"),
        (0, "TM00000000000089", "34"),
        (5, TAX, "35"),
        (6, TAX, "41"),
        (7, TAX, "01"),
    ] {
        let given = own_data(&net, index, info).await.unwrap();
        assert_eq!(given.result.unwrap().status_code, code, "{index} {info}");
        assert_eq!(given.answer.is_some(), ["01", "41"].contains(&code));
    }
    let request = RequestOwnDataRequest {
        portal_token: token(&net, 0).await,
        institution: "9900000000009900".into(),
        specific_info: "TM1".into(),
        items: vec!["TK1".into()],
        condition: Some(v1::Condition {
            kind: Some(v1::condition::Kind::FiscalYear(99_999)),
        }),
    };
    let status = portal(&net).await.request_own_data(request).await;
    let told = told(&status.unwrap_err());
    assert_eq!(
        told.paths(),
        [
            "institution",
            "specific_info",
            "items[0]",
            "condition.fiscal_year"
        ]
    );
}

#[tokio::test]
async fn a_flag_fits_what_it_names_and_survives_a_crash() {
    let net = net::start();
    let number = person(0, WARD);
    let other = "TM90000000000001";
    let refused = async |net: &Net, index, info| own_data(net, index, info).await.is_err();
    forbid(&net, &number, TAX).await;
    assert!(refused(&net, 0, TAX).await);
    assert!(!refused(&net, 0, other).await && !refused(&net, 6, TAX).await);
    forbid(&net, "", other).await;
    let data = net.data().to_owned();
    let dir = net.kill();

    let net = net::start_in(&data, &[]);
    assert!(refused(&net, 0, TAX).await);
    assert!(refused(&net, 0, other).await && refused(&net, 6, other).await);
    assert!(!refused(&net, 6, TAX).await);
    let mut client = PortalServiceClient::new(net.channel(WARD).await);
    let listed = client.list_no_self_provision(ListNoSelfProvisionRequest::default());
    // The two of the sample population, and these.
    let flags = listed.await.unwrap().into_inner().flags;
    assert_eq!(flags.len(), 4);
    assert!(flags.contains(&flag(&number, TAX).unwrap()));
    allow(&net, &number, TAX).await.unwrap();
    assert!(!refused(&net, 0, TAX).await);
    let again = told(&allow(&net, &number, TAX).await.unwrap_err());
    assert_eq!(
        (again.code, again.reason.as_str()),
        (Code::NotFound, "NOT_FOUND")
    );
    for (number, info, path) in [
        ("", "", "flag"),
        ("1", TAX, "flag.addressee_number"),
        (&*number, "x", "flag.specific_info"),
    ] {
        let told = told(&allow(&net, number, info).await.unwrap_err());
        assert_eq!(told.paths(), [path]);
    }
    drop((client, net, dir));
}
