//! A whole conversation: submit an inquiry, wait, take the result; and the proof afterwards that the answer is the provider's.

use std::{
    collections::BTreeSet,
    sync::{Arc, mpsc},
};

use chukan::grpc::proto::v1::{
    Answer, DataSetRecord, Inquiry, InquiryState, ListReplicasRequest, Replica, ResultCode,
    SpecificInfoResult, WaitInquiryRequest, inquiry_service_client::InquiryServiceClient,
    replica_service_client::ReplicaServiceClient, specific_info_result,
};
use prost::Message as _;
use tonic::{Status, transport::Channel};

use crate::{
    Fault,
    account::End,
    exchange::{SPECIFIC_INFO, Subject, inquiry},
    open::Conversation,
    target::Target,
};

/// An answer that is compared after the run.
pub(crate) struct Taken {
    pub(crate) subject: Arc<Subject>,
    pub(crate) answer: Answer,
}

/// Whom a run asks about, and which answers it keeps.
pub(crate) struct Plan {
    /// For each conversation, by its number.
    pub(crate) subjects: Vec<Arc<Subject>>,
    /// One answer in so many is kept.
    pub(crate) keep_every: u64,
}

/// One inquiry, from the submission to the result.
#[derive(Clone)]
pub(crate) struct Inquiring {
    pub(crate) client: InquiryServiceClient<Channel>,
    pub(crate) plan: Arc<Plan>,
    pub(crate) kept: mpsc::Sender<Taken>,
}

impl Conversation for Inquiring {
    async fn hold(mut self, number: u64) -> End {
        let place = usize::try_from(number).unwrap_or(usize::MAX);
        let Some(subject) = self.plan.subjects.get(place).map(Arc::clone) else {
            return End::Failed("nobody to ask about".into());
        };
        match self.ask(number, &subject).await {
            Ok(inquiry) => self.end(number, subject, inquiry),
            Err(failed) => failed,
        }
    }
}

impl Inquiring {
    async fn ask(&mut self, number: u64, subject: &Subject) -> Result<Inquiry, End> {
        let request = inquiry(format!("load-{number}"), subject);
        let accepted = self.client.submit_inquiry(request).await;
        let accepted = accepted.map_err(|status| failed("submit", &status))?;
        let receipt_number = accepted.into_inner().receipt_number;
        loop {
            let request = WaitInquiryRequest {
                receipt_number: receipt_number.clone(),
                timeout: None,
            };
            let waited = self.client.wait_inquiry(request).await;
            let waited = waited.map_err(|status| failed("wait", &status))?;
            let inquiry = waited.into_inner().inquiry;
            let inquiry = inquiry.ok_or_else(|| End::Failed("no inquiry".into()))?;
            if inquiry.state() != InquiryState::InProgress {
                return Ok(inquiry);
            }
        }
    }

    fn end(&self, number: u64, subject: Arc<Subject>, inquiry: Inquiry) -> End {
        if inquiry.state() == InquiryState::WaitingForStaff {
            return End::Waiting;
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
            return End::Failed("no result".into());
        };
        let provided = matches!(
            result.code(),
            ResultCode::EndedNormally | ResultCode::PartlyProvided
        );
        match (provided, answer) {
            (true, Some(answer)) => {
                if let specific_info_result::Answer::Plain(answer) = answer
                    && number.is_multiple_of(self.plan.keep_every)
                    && self.kept.send(Taken { subject, answer }).is_err()
                {
                    return End::Failed("the answer was not kept".into());
                }
                End::Answered(result.status_code)
            }
            (true, None) => End::Failed("no answer".into()),
            (false, Some(_)) => End::Failed("an answer with a refusal".into()),
            (false, None) if result.code() == ResultCode::CommunicationError => {
                End::Failed("communication error".into())
            }
            (false, None) => End::Refused(result.status_code),
        }
    }
}

/// The call and the code only: a message can quote what was sent.
fn failed(call: &str, status: &Status) -> End {
    End::Failed(format!("{call}: {:?}", status.code()))
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
