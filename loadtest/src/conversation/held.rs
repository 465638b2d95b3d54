//! An inquiry that a flag holds for the provider's staff.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use chukan::grpc::proto::v1::{
    Answer, Inquiry, InquiryState, NoAutoReply, SetNoAutoReplyRequest, WatchInquiryRequest,
    inquiry_service_client::InquiryServiceClient, provision_service_client::ProvisionServiceClient,
};
use tokio::time::timeout;
use tonic::transport::Channel;

use super::failed;
use crate::{
    Fault,
    account::End,
    exchange::{SPECIFIC_INFO, Subject},
    inquiry,
};

/// How a held inquiry ended.
pub(super) struct Ended {
    pub(super) end: End,
    pub(super) answer: Option<Answer>,
    /// From held to decided.
    pub(super) decided: Option<Duration>,
}

/// Asks, sees that the request is held, and waits for the decision as long as `patience` allows; without patience it ends there.
pub(super) async fn hold(
    mut client: InquiryServiceClient<Channel>,
    number: u64,
    subject: &Subject,
    patience: Option<Duration>,
) -> Result<Ended, End> {
    let inquiry = inquiry::ask(&mut client, number, subject).await?;
    if inquiry.state() != InquiryState::WaitingForStaff {
        return Err(End::Failed("it was not held".into()));
    }
    let waiting = Ended {
        end: End::Waiting,
        answer: None,
        decided: None,
    };
    let Some(patience) = patience else {
        return Ok(waiting);
    };
    let began = Instant::now();
    match timeout(patience, decision(&mut client, inquiry.receipt_number)).await {
        Err(_) => Ok(waiting),
        Ok(decided) => {
            let decided_after = began.elapsed();
            let (end, answer) = inquiry::end(decided?)?;
            Ok(Ended {
                end,
                answer,
                decided: Some(decided_after),
            })
        }
    }
}

/// Watches the inquiry until the staff has decided.
async fn decision(
    client: &mut InquiryServiceClient<Channel>,
    receipt_number: String,
) -> Result<Inquiry, End> {
    let request = WatchInquiryRequest { receipt_number };
    let watched = client.watch_inquiry(request).await;
    let mut watched = watched
        .map_err(|status| failed("watch", &status))?
        .into_inner();
    loop {
        let told = watched.message().await;
        let told = told.map_err(|status| failed("watch", &status))?;
        let Some(inquiry) = told.and_then(|told| told.inquiry) else {
            return Err(End::Failed("the watched inquiry went away".into()));
        };
        if inquiry.state() == InquiryState::Ended {
            return Ok(inquiry);
        }
    }
}

/// Has requests about these people held, at the provider whose client this is.
pub(super) async fn flag(
    mut client: ProvisionServiceClient<Channel>,
    people: BTreeSet<&str>,
) -> Result<(), Fault> {
    for number in people {
        let flag = NoAutoReply {
            addressee_number: number.into(),
            specific_info: SPECIFIC_INFO.into(),
        };
        let request = SetNoAutoReplyRequest { flag: Some(flag) };
        client.set_no_auto_reply(request).await?;
    }
    Ok(())
}
