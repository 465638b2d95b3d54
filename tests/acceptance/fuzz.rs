//! Requests spoilt at random: each is answered or refused, never with an internal fault, and the server goes on.

use std::io::{Read, Write};

use chukan::grpc::proto::v1::{
    self, Condition, ExplainPermissionRequest, ListInquiriesRequest, Period, SubmitInquiryRequest,
    condition::Kind, permission_list_service_client::PermissionListServiceClient,
};
use tonic::Code;

use crate::net::{self, CITY, ask, codes, tax_inquiry};

const FUZZ_SEED: u64 = 20_261_123;
const REQUESTS: u32 = 300;

/// SplitMix64. Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    /// Spoils a text: replaced, cut, lengthened, or one character changed.
    fn spoil(&mut self, text: &mut String) {
        const ODD: [&str; 8] = [
            "",
            "\0",
            "税",
            "９",
            "\u{202e}",
            "123456789018",
            "-1",
            "\u{10ffff}",
        ];
        let odd = ODD[self.below(ODD.len())];
        let chars: Vec<char> = text.chars().collect();
        let at = self.below(chars.len() + 1);
        let (before, after) = chars.split_at(at);
        let (before, after): (String, String) = (before.iter().collect(), after.iter().collect());
        *text = match self.below(5) {
            0 => odd.to_owned(),
            1 => before,
            2 => format!("{before}{odd}{after}"),
            3 => odd.repeat(1 + self.below(3_000)),
            _ => format!("{before}{}", after.chars().skip(1).collect::<String>()),
        };
    }

    fn spoil_inquiry(&mut self, request: &mut SubmitInquiryRequest) {
        let number = i32::try_from(self.next() >> 33).unwrap();
        let Some(detail) = request.details.first_mut() else {
            return;
        };
        let mut nowhere = v1::SpecificInfoRequest::default();
        let info = detail.specific_infos.first_mut().unwrap_or(&mut nowhere);
        match self.below(18) {
            0 => self.spoil(&mut request.inquirer),
            1 => self.spoil(&mut request.unit_code),
            2 => self.spoil(&mut request.user_id),
            3 => self.spoil(&mut request.affair),
            4 => self.spoil(&mut request.procedure),
            5 => self.spoil(&mut request.delegator),
            6 => self.spoil(&mut detail.record_id),
            7 => self.spoil(&mut detail.addressee_number),
            8 => self.spoil(&mut info.provider),
            9 => self.spoil(&mut info.specific_info),
            10 => self.spoil(&mut info.provider_delegator),
            11 => info.items = vec!["TK90000000002001".into(); self.below(4_000)],
            12 => {
                info.condition = Some(Condition {
                    kind: Some(Kind::FiscalYear(number)),
                })
            }
            13 => {
                let (mut from, mut to) = ("2026-04-01".to_owned(), "9999-12-31".to_owned());
                self.spoil(&mut from);
                self.spoil(&mut to);
                info.condition = Some(Condition {
                    kind: Some(Kind::Period(Period { from, to })),
                });
            }
            14 => {
                request.sealing_public_key =
                    vec![u8::try_from(number & 0xff).unwrap(); self.below(65)]
            }
            15 => {
                let seconds = i64::from_ne_bytes(self.next().to_ne_bytes());
                request.requested_at = Some(prost_types::Timestamp {
                    seconds,
                    nanos: number,
                });
            }
            16 => detail.specific_infos = vec![info.clone(); self.below(60)],
            _ => request.details = vec![detail.clone(); self.below(5)],
        }
    }
}

/// The codes that a refused request may end in.
fn is_refusal(code: Code) -> bool {
    matches!(
        code,
        Code::InvalidArgument
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::FailedPrecondition
    )
}

#[tokio::test]
async fn spoilt_requests_are_refused_or_answered_and_the_server_goes_on() {
    println!("seed {FUZZ_SEED}");
    let net = net::start();
    let mut client = net.inquiries(CITY).await;
    let mut lists = PermissionListServiceClient::new(net.channel(CITY).await);
    let mut random = Random(FUZZ_SEED);
    for at in 0..REQUESTS {
        let mut request = tax_inquiry(&format!("f-{at}"), 0);
        for _ in 0..=random.below(3) {
            random.spoil_inquiry(&mut request);
        }
        let question = ExplainPermissionRequest {
            affair: request.affair.clone(),
            procedure: request.procedure.clone(),
            provider: request.inquirer.clone(),
            specific_info: net::TAX.into(),
            at: request.requested_at,
        };
        let page = ListInquiriesRequest {
            page_size: i32::try_from(random.below(1_200)).unwrap(),
            page_token: request.unit_code.clone(),
            state: i32::try_from(random.below(9)).unwrap(),
        };
        let said = format!("request {at}: {request:?}");
        let answers = [
            client.submit_inquiry(request).await.err(),
            lists.explain_permission(question).await.err(),
            client.list_inquiries(page).await.err(),
        ];
        for status in answers.into_iter().flatten() {
            assert!(is_refusal(status.code()), "{said}: {status:?}");
        }
    }
    let inquiry = ask(&mut client, tax_inquiry("after", 0)).await;
    assert_eq!(codes(&inquiry), ["01"]);
}

#[tokio::test]
async fn bytes_that_are_no_handshake_end_their_connection_only() {
    let net = net::start();
    for bytes in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0; 64],
        &[0x16, 3, 1, 0xff, 0xff, 1],
    ] {
        let mut stream = std::net::TcpStream::connect(net.address()).unwrap();
        stream.write_all(bytes).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        // It may be reset or closed; what was sent before is an alert at most.
        drop(stream.read_to_end(&mut Vec::new()));
    }
    let mut client = net.inquiries(CITY).await;
    assert_eq!(
        codes(&ask(&mut client, tax_inquiry("after", 0)).await),
        ["01"]
    );
}
