//! The operator has the three sides of every exchange compared while the world goes on.

use chukan::grpc::proto::{
    sim::v1::{
        DifferingExchange, ReconcileRequest, ReconcileSummary, reconcile_response::Part,
        reconcile_service_client::ReconcileServiceClient,
    },
    v1::RecordSide,
};
use tonic::{Code, Status};

use crate::{
    net::{self, CITY, Net, ask, tax_inquiry},
    told::told,
    tools::{forge, stopped},
};

struct Compared {
    progress: usize,
    differing: Vec<DifferingExchange>,
    summary: ReconcileSummary,
}

async fn compare(net: &Net, who: &str, days: (&str, &str)) -> Result<Compared, Status> {
    let mut client = ReconcileServiceClient::new(net.channel(who).await);
    let (from, to) = (days.0.to_owned(), days.1.to_owned());
    let answer = client.reconcile(ReconcileRequest { from, to }).await?;
    let (mut parts, mut progress, mut differing) = (answer.into_inner(), 0, Vec::new());
    while let Some(part) = parts.message().await? {
        match part.part.unwrap() {
            Part::Progress(at) => {
                assert!(at.segments <= at.segments_total);
                progress += 1;
            }
            Part::Differing(one) => differing.push(one),
            Part::Summary(summary) => {
                assert!(parts.message().await?.is_none(), "nothing follows");
                return Ok(Compared {
                    progress,
                    differing,
                    summary,
                });
            }
        }
    }
    panic!("the answer has no end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operator_is_told_the_counts_and_each_exchange_on_which_the_sides_differ() {
    let (data, world, serial) = stopped().await;
    forge(&world, &serial, &[]).await;
    let net = net::start_in(data.path(), &[]);
    let found = compare(&net, "operator", ("", "")).await.unwrap();
    assert!(found.progress > 0);
    let counts = (found.summary.agreeing, found.summary.differing);
    assert_eq!((counts, found.summary.unreadable), ((2, 1), 0));
    assert!(found.summary.missing.is_empty() && found.summary.entries > 9);
    let [differing] = found.differing.as_slice() else {
        panic!("{:?}", found.differing);
    };
    assert_eq!(differing.processing_serial, serial);
    let all = [RecordSide::Inquirer, RecordSide::Core, RecordSide::Provider];
    assert_eq!(differing.recorded, all.map(i32::from));
    assert_eq!(differing.disagreements[0].field, "specific_info");

    ask(&mut net.inquiries(CITY).await, tax_inquiry("later", 0)).await;
    let found = compare(&net, "operator", ("", "")).await.unwrap();
    assert_eq!(found.summary.agreeing, 3, "the world has gone on");
    let found = compare(&net, "operator", ("", "2000-01-01")).await.unwrap();
    assert_eq!((found.summary.agreeing, found.summary.differing), (0, 0));
}

#[tokio::test]
async fn days_that_are_none_are_refused_and_so_is_an_institution() {
    let net = net::start();
    let refused = async |who, days| compare(&net, who, days).await.err().unwrap();
    let status = refused(CITY, ("", "")).await;
    assert_eq!(status.code(), Code::PermissionDenied);
    for (days, field) in [
        (("2026-13-01", ""), "from"),
        (("2026-05-02", "2026-05-01"), "to"),
    ] {
        let status = refused("operator", days).await;
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(
            told(&status)
                .fields
                .iter()
                .any(|(flawed, _)| flawed == field)
        );
    }
}
