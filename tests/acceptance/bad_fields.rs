//! Bad fields of an inquiry: each is named, alone, in both languages, without its value; and nothing is written.

use chukan::grpc::proto::v1::{
    Condition, Period, SubmitInquiryRequest, condition::Kind,
    inquiry_service_client::InquiryServiceClient,
};
use tonic::{Code, transport::Channel};

use crate::{
    bad_input::{NUMBER, count},
    net::{self, CITY, ask, codes, tax_inquiry},
    told::{echoes, told},
};

type Spoil = fn(&mut SubmitInquiryRequest, &str);

/// A text field with its path, how to set it, and values that it must refuse.
type BadText = (&'static str, Spoil, &'static [&'static str]);

const BAD_TEXTS: &[BadText] = &[
    (
        "unit_code",
        |r, v| r.unit_code = v.into(),
        &[
            "",
            "A23456789012345678901",
            "税務課",
            "ZEI\0MU",
            "ZEI\nMU",
            NUMBER,
            "1234-5678-9018",
            "ZEI\u{e000}",
        ],
    ),
    (
        "user_id",
        |r, v| r.user_id = v.into(),
        &[
            "",
            "A23456789012345678901",
            "ｕｓｅｒ",
            "us er",
            "user\t",
            NUMBER,
            "1234.5678.9018",
        ],
    ),
    (
        "affair",
        |r, v| r.affair = v.into(),
        &[
            "",
            "JM0100000012100",
            "JM010000001210000",
            "JT01000000121000",
            "JM０１０００",
            "jm01000000121000",
            "JM0100000012100\0",
        ],
    ),
    (
        "procedure",
        |r, v| r.procedure = v.into(),
        &[
            "",
            "JT0101000000021",
            "JM01010000000214",
            "JT0101000000021４",
            "JT01010000 00214",
        ],
    ),
    (
        "delegator",
        |r, v| r.delegator = v.into(),
        &["123", "99000000000011a0", "9900000000009999", "９９０００"],
    ),
    (
        "details[0].record_id",
        |r, v| r.details[0].record_id = v.into(),
        &[
            "",
            "A2345678901234567890123456789012345678901",
            "記録-1",
            "id/1",
            "id\0one",
            "id\u{202e}x",
            NUMBER,
            "1234_5678_9018",
        ],
    ),
    (
        "details[0].addressee_number",
        |r, v| r.details[0].addressee_number = v.into(),
        &[
            "",
            "12345678901234",
            "1234567890123456",
            "12345678901234a",
            "１２３４５６７８９０１２３４５",
            "12345678901234\0",
            NUMBER,
            "+12345678901234",
        ],
    ),
    (
        "details[0].specific_infos[0].provider",
        |r, v| r.details[0].specific_infos[0].provider = v.into(),
        &[
            "",
            "022011311210170",
            "02201131121017O0",
            "9900000000009999",
            CITY,
        ],
    ),
    (
        "details[0].specific_infos[0].specific_info",
        |r, v| r.details[0].specific_infos[0].specific_info = v.into(),
        &[
            "",
            "TK00000000000002",
            "TM0000000000002",
            "TM99999999999999",
            "TM0000000000000２",
        ],
    ),
    (
        "details[0].specific_infos[0].provider_delegator",
        |r, v| r.details[0].specific_infos[0].provider_delegator = v.into(),
        &["1", "9900000000009999"],
    ),
    (
        "details[0].specific_infos[0].items[0]",
        |r, v| r.details[0].specific_infos[0].items = vec![v.into()],
        &[
            "",
            "TM90000000002001",
            "TK9000000000200",
            "TK9000000000200\0",
        ],
    ),
    (
        "details[0].specific_infos[0].items",
        |r, v| r.details[0].specific_infos[0].items = vec![v.into()],
        &["TK99999999999999"],
    ),
    (
        "details[0].specific_infos[0].condition.period.from",
        |r, v| period(r, v, "2026-03-31"),
        &["", "2026/04/01", "2026-02-30", "20260401", "２０２６-04-01"],
    ),
    (
        "details[0].specific_infos[0].condition.period.to",
        |r, v| period(r, "2026-04-01", v),
        &["2026-13-01", "tomorrow", "2027-04-01\0"],
    ),
    (
        "details[0].specific_infos[0].condition.period",
        |r, v| period(r, "2026-04-01", v),
        &["2026-03-31"],
    ),
];

type BadShape = (&'static str, fn(&mut SubmitInquiryRequest));

const BAD_SHAPES: &[BadShape] = &[
    ("requested_at", |r| r.requested_at = None),
    ("requested_at", |r| {
        r.requested_at = net::now().into_later(600)
    }),
    ("requested_at", |r| {
        r.requested_at = net::now().into_later(i64::MAX / 2)
    }),
    ("details", |r| r.details.clear()),
    ("details", |r| {
        r.details = vec![r.details[0].clone(); 10_001]
    }),
    ("details[0].specific_infos", |r| {
        r.details[0].specific_infos.clear()
    }),
    ("details[0].specific_infos", |r| {
        let infos = &mut r.details[0].specific_infos;
        *infos = vec![infos[0].clone(); 51];
    }),
    ("details[0].specific_infos[0].condition.fiscal_year", |r| {
        fiscal_year(r, 1999)
    }),
    ("details[0].specific_infos[0].condition.fiscal_year", |r| {
        fiscal_year(r, 2101)
    }),
    ("details[0].specific_infos[0].condition.fiscal_year", |r| {
        fiscal_year(r, 67_562)
    }),
    ("details[0].specific_infos[0].condition.fiscal_year", |r| {
        fiscal_year(r, -1)
    }),
    ("details[0].specific_infos[0].condition.fiscal_year", |r| {
        fiscal_year(r, 2100)
    }),
    ("details[0].specific_infos[0].condition.period.from", |r| {
        period(r, "2099-04-01", "2099-04-30")
    }),
    ("details[0].specific_infos[0].items", |r| {
        let items = (0..1_001).map(|n| format!("TK{n:014}"));
        r.details[0].specific_infos[0].items = items.collect();
    }),
    ("details[0].specific_infos[0].items[2]", |r| {
        let items = ["TK90000000002001", "TK90000000002002", "TK90000000002001"];
        r.details[0].specific_infos[0].items = items.map(Into::into).into();
    }),
    ("sealing_public_key", |r| r.sealing_public_key = vec![9; 31]),
    ("sealing_public_key", |r| r.sealing_public_key = vec![9; 33]),
    ("sealing_public_key", |r| r.sealing_public_key = vec![0; 32]),
];

trait Later {
    fn into_later(self, seconds: i64) -> Option<prost_types::Timestamp>;
}

impl Later for prost_types::Timestamp {
    fn into_later(self, seconds: i64) -> Option<prost_types::Timestamp> {
        let seconds = self.seconds + seconds;
        Some(Self { seconds, nanos: 0 })
    }
}

fn condition(request: &mut SubmitInquiryRequest, kind: Kind) {
    request.details[0].specific_infos[0].condition = Some(Condition { kind: Some(kind) });
}

fn fiscal_year(request: &mut SubmitInquiryRequest, year: i32) {
    condition(request, Kind::FiscalYear(year));
}

fn period(request: &mut SubmitInquiryRequest, from: &str, to: &str) {
    let (from, to) = (from.into(), to.into());
    condition(request, Kind::Period(Period { from, to }));
}

/// The request is refused with exactly this field.
pub(crate) async fn refused(
    client: &mut InquiryServiceClient<Channel>,
    request: SubmitInquiryRequest,
    (field, value): (&str, &str),
) {
    let status = client.submit_inquiry(request).await.unwrap_err();
    let told = told(&status);
    assert_eq!(told.code, Code::InvalidArgument, "{field} {value:?}");
    assert_eq!(told.reason, "MALFORMED_REQUEST", "{field} {value:?}");
    assert_eq!(told.paths(), [field], "{value:?} {told:?}");
    let repeated = value.len() > 4 && echoes(&status, value.as_bytes());
    assert!(!repeated, "{field} repeats {value:?}");
}

#[tokio::test]
async fn each_bad_field_of_an_inquiry_is_named_and_nothing_is_written() {
    let net = net::start();
    let mut client = net.inquiries(CITY).await;
    for (field, spoil, values) in BAD_TEXTS {
        for value in *values {
            let mut request = tax_inquiry("free-1", 0);
            spoil(&mut request, value);
            refused(&mut client, request, (field, value)).await;
        }
    }
    for (field, spoil) in BAD_SHAPES {
        let mut request = tax_inquiry("free-1", 0);
        spoil(&mut request);
        refused(&mut client, request, (field, "")).await;
    }
    assert_eq!(count(&mut client).await, 0);
    let inquiry = ask(&mut client, tax_inquiry("free-1", 0)).await;
    assert_eq!(codes(&inquiry), ["01"], "the record id is still free");
}
