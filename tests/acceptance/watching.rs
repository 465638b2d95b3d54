//! Watching the queue ends with the session, by the clock of the world, and tells what waited too long.

use chukan::{
    grpc::{
        caller::SESSION_KEY,
        proto::v1::{
            SignInRequest, SignOutRequest, WatchProvisionQueueRequest, WatchProvisionQueueResponse,
            inquiry_service_client::InquiryServiceClient,
            provision_service_client::ProvisionServiceClient,
            staff_service_client::StaffServiceClient,
        },
    },
    sample::staff::TRAINING_PASSWORD,
};
use tonic::{Code, Request, Streaming};

use crate::{
    frozen::{self, set_hour},
    held_request::{reason, refusal, stopped},
    net::{self, CITY, Net, WARD, codes, tax_inquiry},
};

fn within<T>(session: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let session = session.parse().unwrap();
    request.metadata_mut().insert(SESSION_KEY, session);
    request
}

async fn sign_in(net: &Net, account: &str) -> String {
    let mut staff = StaffServiceClient::new(frozen::channel(net, WARD).await);
    let request = SignInRequest {
        account: account.into(),
        password: TRAINING_PASSWORD.into(),
    };
    staff.sign_in(request).await.unwrap().into_inner().session
}

async fn watch(net: &Net, session: &str) -> Streaming<WatchProvisionQueueResponse> {
    let mut provider = ProvisionServiceClient::new(frozen::channel(net, WARD).await);
    let request = within(session, WatchProvisionQueueRequest {});
    let watched = provider.watch_provision_queue(request).await;
    let mut watched = watched.unwrap().into_inner();
    assert!(watched.message().await.unwrap().is_some());
    watched
}

/// What ends the stream; a queue that is sent instead is a failure.
async fn end(mut watched: Streaming<WatchProvisionQueueResponse>) -> (Code, String) {
    reason(watched.message().await)
}

#[tokio::test]
async fn watching_ends_when_the_session_does_and_is_no_sign_of_life() {
    let net = net::start();
    frozen::create(&net).await;
    let ended = refusal(Code::Unauthenticated, "NO_SESSION");
    let idle = watch(&net, &sign_in(&net, "clerk1").await).await;
    set_hour(&net, 1).await;
    assert_eq!(end(idle).await, ended, "nobody did anything for an hour");
    let replaced = watch(&net, &sign_in(&net, "clerk1").await).await;
    let session = sign_in(&net, "clerk1").await;
    assert_eq!(end(replaced).await, ended, "signed in elsewhere");
    let signed_out = watch(&net, &session).await;
    let mut staff = StaffServiceClient::new(frozen::channel(&net, WARD).await);
    let farewell = within(&session, SignOutRequest {});
    staff.sign_out(farewell).await.unwrap();
    assert_eq!(end(signed_out).await, ended, "signed out");
    drop(staff);
    stopped(net).await;
}

#[tokio::test]
async fn a_request_that_waited_too_long_is_marked_for_the_superiors_and_goes_on_waiting() {
    let net = net::start_with(&[
        "--set",
        "hold.wait_days=1",
        "--set",
        "hold.overdue=escalate",
    ]);
    frozen::create(&net).await;
    let mut inquirer = InquiryServiceClient::new(frozen::channel(&net, CITY).await);
    let inquiry = frozen::ask(&mut inquirer, tax_inquiry("w-1", 7)).await;
    assert_eq!(codes(&inquiry), ["13"]);
    for (hours, escalated) in [(23, 0), (24, 1)] {
        set_hour(&net, hours).await;
        let session = sign_in(&net, "approver").await;
        let mut provider = ProvisionServiceClient::new(frozen::channel(&net, WARD).await);
        let request = within(&session, WatchProvisionQueueRequest {});
        let watched = provider.watch_provision_queue(request).await;
        let mut watched = watched.unwrap().into_inner();
        let queue = watched.message().await.unwrap().unwrap().queue.unwrap();
        assert_eq!((queue.held, queue.escalated), (1, escalated), "{hours}");
        let marked = queue.provisions[0].escalated_at;
        assert_eq!(marked, (escalated == 1).then(|| frozen::hour(hours)));
    }
    drop(inquirer);
    stopped(net).await;
}
