//! 副本の登録・訂正 by hand: one person proposes, another approves, and the replica changes as both saw it.

use chukan::grpc::proto::v1::{
    self, CorrectionDetail, CorrectionState, correction_service_client::CorrectionServiceClient,
    item::Content, propose_correction_request::Change,
    replica_service_client::ReplicaServiceClient,
};
use tonic::{Code, Status, transport::Channel};

use crate::{
    held_request::{CLERK, SUPERIOR, done, hire, operations, reason, refusal, session, within},
    net::{self, Net, TAX, WARD, person},
    told::told,
};

/// A replica of the ward, as its staff works with it.
pub(crate) struct Stock {
    clerk: String,
    pub(crate) superior: String,
    corrections: CorrectionServiceClient<Channel>,
    replicas: ReplicaServiceClient<Channel>,
}

impl Stock {
    pub(crate) async fn new(net: &Net) -> Self {
        Self {
            clerk: session(net, CLERK).await,
            superior: session(net, SUPERIOR).await,
            corrections: CorrectionServiceClient::new(net.channel(WARD).await),
            replicas: ReplicaServiceClient::new(net.channel(WARD).await),
        }
    }

    async fn replicas(&mut self) -> Vec<v1::Replica> {
        let request = v1::ListReplicasRequest {
            addressee_number: person(0, WARD),
            specific_info: TAX.into(),
            ..Default::default()
        };
        let listed = self.replicas.list_replicas(request).await.unwrap();
        listed.into_inner().replicas
    }

    async fn replica(&mut self) -> v1::Replica {
        self.replicas().await.remove(0)
    }

    pub(crate) async fn propose(
        &mut self,
        id: &str,
        change: (Change, u64),
        again: Option<&v1::Correction>,
    ) -> Result<String, Status> {
        let (change, revision) = change;
        let again = again.cloned().unwrap_or_default();
        let request = v1::ProposeCorrectionRequest {
            proposal_id: id.into(),
            change: Some(change),
            reason: "申告書と一致しないため".into(),
            revision,
            number: again.number,
            version: again.version,
        };
        let clerk = self.clerk.clone();
        let proposed = self.corrections.propose_correction(within(&clerk, request));
        Ok(proposed.await?.into_inner().number)
    }

    pub(crate) async fn open(&mut self, who: &str, number: &str) -> CorrectionDetail {
        let request = v1::OpenCorrectionRequest {
            number: number.into(),
        };
        let opened = self.corrections.open_correction(within(who, request)).await;
        opened.unwrap().into_inner().detail.unwrap()
    }

    pub(crate) async fn approve(
        &mut self,
        who: &str,
        seen: &CorrectionDetail,
    ) -> Result<(), Status> {
        let correction = seen.correction.clone().unwrap();
        let request = v1::ApproveCorrectionRequest {
            number: correction.number,
            version: correction.version,
        };
        let approved = self.corrections.approve_correction(within(who, request));
        approved.await.map(drop)
    }

    async fn send_back(&mut self, seen: &CorrectionDetail) -> Result<(), Status> {
        let correction = seen.correction.clone().unwrap();
        let request = v1::SendBackCorrectionRequest {
            number: correction.number,
            version: correction.version,
            note: "根拠資料を確かめてください。".into(),
        };
        let superior = self.superior.clone();
        let sent_back = self
            .corrections
            .send_back_correction(within(&superior, request));
        sent_back.await.map(drop)
    }

    async fn withdraw(&mut self, seen: &CorrectionDetail) -> Result<(), Status> {
        let correction = seen.correction.clone().unwrap();
        let request = v1::WithdrawCorrectionRequest {
            number: correction.number,
            version: correction.version,
        };
        let clerk = self.clerk.clone();
        let withdrawn = self
            .corrections
            .withdraw_correction(within(&clerk, request));
        withdrawn.await.map(drop)
    }
}

/// The replica with another first value.
pub(crate) fn corrected(replica: &v1::Replica, value: &str) -> (Change, u64) {
    let mut replica = replica.clone();
    let revision = replica.revision;
    replica.content[0].items[0].content = Some(Content::Value(value.into()));
    (Change::Register(replica), revision)
}

fn first_value(replica: &v1::Replica) -> String {
    match &replica.content[0].items[0].content {
        Some(Content::Value(value)) => value.clone(),
        other => panic!("no value: {other:?}"),
    }
}

fn state(seen: &CorrectionDetail) -> CorrectionState {
    seen.correction.as_ref().unwrap().state()
}

#[tokio::test]
async fn a_replica_changes_when_a_second_person_approves_and_not_before() {
    let net = net::start();
    let mut stock = Stock::new(&net).await;
    let before = stock.replica().await;
    let value = first_value(&before);
    let wanted = if value == "2025" { "2024" } else { "2025" };
    let number = stock
        .propose("p-1", corrected(&before, wanted), None)
        .await
        .unwrap();
    let again = stock.propose("p-1", corrected(&before, wanted), None).await;
    assert_eq!(again.unwrap(), number, "sent twice, proposed once");
    assert_eq!(stock.replica().await, before);

    let superior = stock.superior.clone();
    let seen = stock.open(&superior, &number).await;
    assert_eq!(state(&seen), CorrectionState::Proposed);
    assert!(seen.fits && !seen.values_shown);
    assert_eq!(seen.differences.len(), 1, "{:?}", seen.differences);
    let told = format!("{:?}", seen.differences);
    assert!(told.contains("＊＊＊") && !told.contains(wanted), "{told}");
    let request = v1::RevealCorrectionRequest {
        number: number.clone(),
    };
    let shown = stock
        .corrections
        .reveal_correction(within(&superior, request))
        .await;
    let shown = shown.unwrap().into_inner().detail.unwrap();
    let content = |item: &Option<v1::Item>| item.clone().unwrap().content;
    let difference = &shown.differences[0];
    assert_eq!(content(&difference.before), Some(Content::Value(value)));
    assert_eq!(
        content(&difference.after),
        Some(Content::Value(wanted.into()))
    );
    stock.approve(&superior, &seen).await.unwrap();
    let after = stock.replica().await;
    assert_eq!(first_value(&after), wanted);
    assert_eq!(after.revision, before.revision + 1);

    let ended = stock.open(&superior, &number).await;
    assert_eq!(state(&ended), CorrectionState::Made);
    assert!(ended.differences.is_empty() && ended.reason.is_empty());
    let late = stock.approve(&superior, &seen).await;
    assert_eq!(reason(late), refusal(Code::Aborted, "CORRECTION_MOVED"));
    for (what, times) in [
        ("副本の登録・訂正の申請", 1),
        ("副本の値の表示", 1),
        ("副本の登録・訂正の承認", 1),
    ] {
        assert_eq!(done(&net, &number, what).await, times, "{what}");
    }
}

#[tokio::test]
async fn one_person_cannot_do_both_and_roles_are_kept() {
    let net = net::start();
    let mut stock = Stock::new(&net).await;
    let before = stock.replica().await;
    let both = hire(&net, "both", "S010").await;
    stock.clerk = both.clone();
    let change = corrected(&before, "2020");
    let number = stock.propose("p-2", change.clone(), None).await.unwrap();
    let seen = stock.open(&both, &number).await;
    let own = stock.approve(&both, &seen).await;
    assert_eq!(reason(own), refusal(Code::PermissionDenied, "FOUR_EYES"));
    let clerk = session(&net, CLERK).await;
    let no_superior = stock.approve(&clerk, &seen).await;
    let denied = refusal(Code::PermissionDenied, "NOT_AUTHORISED");
    assert_eq!(reason(no_superior), denied);
    stock.clerk = stock.superior.clone();
    assert_eq!(reason(stock.propose("p-3", change, None).await), denied);
    stock.clerk = "none".into();
    let nobody = stock.withdraw(&seen).await;
    assert_eq!(reason(nobody), refusal(Code::Unauthenticated, "NO_SESSION"));
    assert_eq!(stock.replica().await, before);
    let refused = operations(&net, &number).await;
    let refused: Vec<_> = refused.into_iter().map(|(_, _, why)| why).collect();
    assert!(refused.contains(&"FOUR_EYES".to_owned()), "{refused:?}");
    assert!(
        refused.contains(&"NOT_AUTHORISED".to_owned()),
        "{refused:?}"
    );
}

#[tokio::test]
async fn an_approval_is_void_when_the_business_system_was_faster() {
    let net = net::start();
    let mut stock = Stock::new(&net).await;
    let before = stock.replica().await;
    let number = stock
        .propose("p-4", corrected(&before, "2020"), None)
        .await
        .unwrap();
    let superior = stock.superior.clone();
    let seen = stock.open(&superior, &number).await;
    let request = v1::RegisterReplicasRequest {
        replicas: vec![before.clone()],
    };
    stock.replicas.register_replicas(request).await.unwrap();
    let changed = refusal(Code::FailedPrecondition, "REPLICA_CHANGED");
    assert_eq!(reason(stock.approve(&superior, &seen).await), changed);
    assert_eq!(
        first_value(&stock.replica().await),
        first_value(&before),
        "nothing was taken over"
    );
    let back = stock.open(&superior, &number).await;
    assert_eq!(state(&back), CorrectionState::SentBack);
    assert!(!back.fits);
    let void = "副本の登録・訂正の承認の無効（副本の変更）";
    assert_eq!(done(&net, &number, void).await, 1);

    let stale = stock.propose("p-5", corrected(&before, "2020"), None).await;
    assert_eq!(reason(stale), changed);
    let now = stock.replica().await;
    let correction = back.correction.as_ref();
    let again = stock.propose("p-6", corrected(&now, "2020"), correction);
    assert_eq!(again.await.unwrap(), number);
    let seen = stock.open(&superior, &number).await;
    stock.approve(&superior, &seen).await.unwrap();
    assert_eq!(first_value(&stock.replica().await), "2020");
}

#[tokio::test]
async fn a_proposal_goes_back_and_forth_and_can_be_withdrawn() {
    let net = net::start();
    let mut stock = Stock::new(&net).await;
    let before = stock.replica().await;
    let delete = (Change::Delete(before.key.clone().unwrap()), before.revision);
    let count = stock.replicas().await.len();
    let number = stock.propose("p-7", delete, None).await.unwrap();
    let superior = stock.superior.clone();
    let seen = stock.open(&superior, &number).await;
    assert!(seen.correction.as_ref().unwrap().deletes);
    stock.send_back(&seen).await.unwrap();
    let back = stock.open(&superior, &number).await;
    assert_eq!(back.note, "根拠資料を確かめてください。");
    let not_waiting = refusal(Code::FailedPrecondition, "CORRECTION_NOT_WAITING");
    assert_eq!(reason(stock.approve(&superior, &back).await), not_waiting);
    stock.withdraw(&back).await.unwrap();
    let over = stock.open(&superior, &number).await;
    assert_eq!(state(&over), CorrectionState::Withdrawn);
    assert_eq!(reason(stock.withdraw(&over).await), not_waiting);
    assert_eq!(stock.replicas().await.len(), count);

    let delete = (Change::Delete(before.key.clone().unwrap()), before.revision);
    let number = stock.propose("p-8", delete, None).await.unwrap();
    let seen = stock.open(&superior, &number).await;
    stock.approve(&superior, &seen).await.unwrap();
    assert_eq!(stock.replicas().await.len(), count - 1);
    let mut new = before.clone();
    new.key.as_mut().unwrap().record_key = "HAND-1".into();
    let number = stock.propose("p-9", (Change::Register(new), 0), None).await;
    let seen = stock.open(&superior, &number.unwrap()).await;
    assert_eq!(seen.same, 0);
    stock.approve(&superior, &seen).await.unwrap();
    assert_eq!(stock.replicas().await.len(), count);

    let clerk = stock.clerk.clone();
    let request = v1::ListCorrectionsRequest {
        page_size: 2,
        ..Default::default()
    };
    let listed = stock
        .corrections
        .list_corrections(within(&clerk, request))
        .await;
    let listed = listed.unwrap().into_inner();
    let numbers: Vec<_> = listed.corrections.iter().map(|row| &*row.number).collect();
    assert_eq!(numbers, ["C0000000003", "C0000000002"]);
    assert!(!listed.next_page_token.is_empty());
}

#[tokio::test]
async fn every_flaw_of_a_proposal_is_named_and_nothing_is_kept_of_it() {
    let net = net::start();
    let mut stock = Stock::new(&net).await;
    let before = stock.replica().await;
    let same = (Change::Register(before.clone()), before.revision);
    let nothing = stock.propose("p-10", same, None).await;
    assert_eq!(
        reason(nothing),
        refusal(Code::FailedPrecondition, "NOTHING_CHANGED")
    );
    let fields = |status: &Status| -> Vec<String> {
        let told = told(status);
        told.paths().into_iter().map(str::to_owned).collect()
    };
    let flawed = stock
        .propose("p-11", corrected(&before, "123456789018"), None)
        .await;
    assert_eq!(
        fields(&flawed.unwrap_err()),
        ["replica.content[0].items[0].value"]
    );
    let mut strange = before.clone();
    strange.key.as_mut().unwrap().record_key = "あ".into();
    strange.layout_version = "1900".into();
    let change = (Change::Register(strange), 0);
    let flawed = stock.propose("あ", change, None).await;
    assert_eq!(fields(&flawed.unwrap_err()), ["proposal_id"]);
    let absent = v1::ReplicaKey {
        record_key: "none".into(),
        ..before.key.clone().unwrap()
    };
    let absent = stock.propose("p-12", (Change::Delete(absent), 0), None);
    assert_eq!(reason(absent.await), refusal(Code::NotFound, "NOT_FOUND"));
    let request = v1::ProposeCorrectionRequest {
        number: "C1".into(),
        version: "x".into(),
        ..Default::default()
    };
    let clerk = stock.clerk.clone();
    let empty = stock
        .corrections
        .propose_correction(within(&clerk, request))
        .await;
    assert_eq!(
        fields(&empty.unwrap_err()),
        ["proposal_id", "reason", "number", "version", "change"]
    );
    let listed = stock
        .corrections
        .list_corrections(within(&clerk, v1::ListCorrectionsRequest::default()))
        .await;
    assert!(listed.unwrap().into_inner().corrections.is_empty());
}

#[tokio::test]
async fn what_was_proposed_and_approved_stands_after_a_kill() {
    let net = net::start();
    let mut stock = Stock::new(&net).await;
    let before = stock.replica().await;
    let superior = stock.superior.clone();
    let first = stock
        .propose("p-13", corrected(&before, "2020"), None)
        .await
        .unwrap();
    let seen = stock.open(&superior, &first).await;
    stock.approve(&superior, &seen).await.unwrap();
    let made = stock.replica().await;
    let second = stock
        .propose("p-14", corrected(&made, "2021"), None)
        .await
        .unwrap();
    drop(stock);
    let dir = net.kill().unwrap();
    let net = net::start_in(dir.path(), &[]).keeping(dir);
    let mut stock = Stock::new(&net).await;
    assert_eq!(stock.replica().await, made);
    let superior = stock.superior.clone();
    let seen = stock.open(&superior, &second).await;
    assert_eq!(state(&seen), CorrectionState::Proposed);
    stock.approve(&superior, &seen).await.unwrap();
    assert_eq!(first_value(&stock.replica().await), "2021");
}
