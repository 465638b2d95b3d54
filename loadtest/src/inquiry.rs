//! A whole conversation: submit an inquiry, wait, take the result; and the proof afterwards that the answer is the provider's.

use std::{collections::BTreeSet, sync::Arc};

use chukan::grpc::proto::v1::{
    Answer, DataSetRecord, Inquiry, InquiryState, ListReplicasRequest, Replica, ResultCode,
    SpecificInfoResult, WaitInquiryRequest, inquiry_service_client::InquiryServiceClient,
    replica_service_client::ReplicaServiceClient, specific_info_result,
};
use prost::Message as _;
use tonic::transport::Channel;

use crate::{
    Fault,
    account::End,
    conversation::failed,
    exchange::{SPECIFIC_INFO, Subject, inquiry},
    target::Target,
};

/// An answer that is compared after the run.
pub(crate) struct Taken {
    pub(crate) subject: Arc<Subject>,
    pub(crate) answer: Answer,
}

/// Submits the inquiry with this number and waits until it does not move by itself any more.
pub(crate) async fn ask(
    client: &mut InquiryServiceClient<Channel>,
    number: u64,
    subject: &Subject,
) -> Result<Inquiry, End> {
    let request = inquiry(format!("load-{number}"), subject);
    let accepted = client.submit_inquiry(request).await;
    let accepted = accepted.map_err(|status| failed("submit", &status))?;
    let receipt_number = accepted.into_inner().receipt_number;
    loop {
        let request = WaitInquiryRequest {
            receipt_number: receipt_number.clone(),
            timeout: None,
        };
        let waited = client.wait_inquiry(request).await;
        let waited = waited.map_err(|status| failed("wait", &status))?;
        let inquiry = waited.into_inner().inquiry;
        let inquiry = inquiry.ok_or_else(|| End::Failed("no inquiry".into()))?;
        if inquiry.state() != InquiryState::InProgress {
            return Ok(inquiry);
        }
    }
}

/// How an inquiry about one person ended, and the answer that the server has opened.
pub(crate) fn end(inquiry: Inquiry) -> Result<(End, Option<Answer>), End> {
    if inquiry.state() == InquiryState::WaitingForStaff {
        return Ok((End::Waiting, None));
    }
    let mut details = inquiry.details.into_iter();
    let info = details
        .next()
        .and_then(|detail| detail.specific_infos.into_iter().next());
    let Some(SpecificInfoResult {
        result: Some(result),
        answer,
        ..
    }) = info
    else {
        return Err(End::Failed("no result".into()));
    };
    let provided = matches!(
        result.code(),
        ResultCode::EndedNormally | ResultCode::PartlyProvided
    );
    match (provided, answer) {
        (true, Some(specific_info_result::Answer::Plain(answer))) => {
            Ok((End::Answered(result.status_code), Some(answer)))
        }
        (true, Some(_)) => Ok((End::Answered(result.status_code), None)),
        (true, None) => Err(End::Failed("no answer".into())),
        (false, Some(_)) => Err(End::Failed("an answer with a refusal".into())),
        (false, None) if result.code() == ResultCode::CommunicationError => {
            Err(End::Failed("communication error".into()))
        }
        (false, None) => Ok((End::Refused(result.status_code), None)),
    }
}

/// Compares kept answers with what the providers' replicas say; the number of those that differ.
pub(crate) async fn compare(target: &Target, kept: &[Taken]) -> Result<u64, Fault> {
    let homes: BTreeSet<_> = kept
        .iter()
        .map(|taken| taken.subject.home.as_str())
        .collect();
    let mut differ = 0;
    for home in homes {
        let mut client = ReplicaServiceClient::new(target.connect_as(home).await?);
        for taken in kept.iter().filter(|taken| taken.subject.home == home) {
            let request = ListReplicasRequest {
                addressee_number: taken.subject.number_at_home.clone(),
                specific_info: SPECIFIC_INFO.into(),
                ..Default::default()
            };
            let replicas = client.list_replicas(request).await?.into_inner().replicas;
            differ += u64::from(!says(&replicas, &taken.answer));
        }
    }
    Ok(differ)
}

/// Whether the answer holds something, and nothing that the replicas do not say.
fn says(replicas: &[Replica], answer: &Answer) -> bool {
    !answer.records.is_empty()
        && answer.records.iter().all(|record| {
            let named = |replica: &&Replica| {
                replica
                    .key
                    .as_ref()
                    .is_some_and(|key| key.record_key == record.record_key)
            };
            replicas.iter().find(named).is_some_and(|replica| {
                let said = items(&record.content);
                record.layout_version == replica.layout_version
                    && record.fiscal_year == replica.fiscal_year
                    && !said.is_empty()
                    && said.is_subset(&items(&replica.content))
            })
        })
}

/// Every item, with the data set that it stands in.
fn items(records: &[DataSetRecord]) -> BTreeSet<(String, Vec<u8>)> {
    let mut found = BTreeSet::new();
    for record in records {
        let named = |item: &chukan::grpc::proto::v1::Item| {
            (record.data_set_code.clone(), item.encode_to_vec())
        };
        found.extend(record.items.iter().map(named));
        found.extend(items(&record.children));
    }
    found
}

#[cfg(test)]
mod tests {
    use chukan::grpc::proto::v1::{AnswerRecord, Item, ReplicaKey, item::Content};

    use super::*;

    fn content(value: &str) -> Vec<DataSetRecord> {
        vec![DataSetRecord {
            data_set_code: "1".into(),
            items: vec![Item {
                item_code: "2".into(),
                content: Some(Content::Value(value.into())),
            }],
            children: Vec::new(),
        }]
    }

    fn replicas() -> Vec<Replica> {
        vec![Replica {
            key: Some(ReplicaKey {
                record_key: "key".into(),
                ..Default::default()
            }),
            content: content("292000"),
            ..Default::default()
        }]
    }

    fn answer(record_key: &str, value: &str) -> Answer {
        Answer {
            records: vec![AnswerRecord {
                record_key: record_key.into(),
                content: content(value),
                ..Default::default()
            }],
            withheld: Vec::new(),
        }
    }

    #[test]
    fn an_answer_with_another_value_or_of_another_record_or_empty_is_not_the_providers() {
        assert!(!says(&replicas(), &answer("key", "292001")));
        assert!(!says(&replicas(), &answer("other", "292000")));
        assert!(!says(&replicas(), &Answer::default()));
    }

    #[test]
    fn an_answer_that_repeats_the_replica_is_the_providers() {
        assert!(says(&replicas(), &answer("key", "292000")));
    }
}
