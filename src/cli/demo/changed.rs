//! A held request whose data changes after a clerk has checked it, each step over the wire: its approval will be void.

use tonic::{Request, transport::Channel};

use super::{INFO, PROVIDER, Scene, exchange::item_names, terminal::known_as};
use crate::{
    cli::fault::CliFault,
    grpc::{
        caller::SESSION_KEY,
        proto::sim::v1::SamplePerson,
        proto::v1::{
            CheckProvisionRequest, DataSetRecord, ListReplicasRequest, NoAutoReply,
            OpenProvisionRequest, ProvisionProposal, RegisterReplicasRequest,
            SetNoAutoReplyRequest, SignInRequest, SignOutRequest, item::Content,
            provision_service_client::ProvisionServiceClient,
            replica_service_client::ReplicaServiceClient, staff_service_client::StaffServiceClient,
        },
    },
    sample::staff::TRAINING_PASSWORD,
};

/// Who checks it: the other clerk than the one with whom training begins.
pub(super) const CLERK: &str = "clerk2";

/// What the correction changes, and by how much.
const ITEM: &str = "合計所得金額";
const CORRECTION: i64 = 1_000;

/// Holds requests about this person from now on.
pub(super) async fn flag(scene: &Scene, person: &SamplePerson) -> Result<(), CliFault> {
    let flag = NoAutoReply {
        addressee_number: known_as(person, PROVIDER)?.to_owned(),
        specific_info: INFO.to_owned(),
    };
    let mut provider = ProvisionServiceClient::new(scene.connect_as(PROVIDER).await?);
    let request = SetNoAutoReplyRequest { flag: Some(flag) };
    provider.set_no_auto_reply(request).await?;
    Ok(())
}

/// A clerk checks the request, and then the person's replicas are corrected.
pub(super) async fn check_and_change(
    scene: &Scene,
    serial: &str,
    person: &SamplePerson,
) -> Result<(), CliFault> {
    let channel = scene.connect_as(PROVIDER).await?;
    check(channel.clone(), serial).await?;
    correct(channel, person).await
}

async fn check(channel: Channel, serial: &str) -> Result<(), CliFault> {
    let mut staff = StaffServiceClient::new(channel.clone());
    let request = SignInRequest {
        account: CLERK.into(),
        password: TRAINING_PASSWORD.into(),
    };
    let session = staff.sign_in(request).await?.into_inner().session;
    let mut provider = ProvisionServiceClient::new(channel);
    let request = OpenProvisionRequest {
        processing_serial: serial.to_owned(),
    };
    let opened = provider.open_provision(within(&session, request)?).await?;
    let seen = opened.into_inner().detail.unwrap_or_default();
    let request = CheckProvisionRequest {
        processing_serial: serial.to_owned(),
        version: seen.queued.unwrap_or_default().version,
        content_digest: seen.content_digest,
        proposal: ProvisionProposal::Provide.into(),
        refusal: None,
    };
    provider.check_provision(within(&session, request)?).await?;
    staff.sign_out(within(&session, SignOutRequest {})?).await?;
    Ok(())
}

async fn correct(channel: Channel, person: &SamplePerson) -> Result<(), CliFault> {
    let names = item_names(channel.clone(), INFO).await?;
    let mut client = ReplicaServiceClient::new(channel);
    let request = ListReplicasRequest {
        addressee_number: known_as(person, PROVIDER)?.to_owned(),
        specific_info: INFO.to_owned(),
        ..Default::default()
    };
    let mut replicas = client.list_replicas(request).await?.into_inner().replicas;
    let sets = replicas.iter_mut().flat_map(|replica| &mut replica.content);
    let is_it = |code: &str| names.get(code).is_some_and(|name| name == ITEM);
    if sets.map(|set| correct_set(set, is_it)).sum::<usize>() == 0 {
        return Err(CliFault::Said("訂正する項目が副本にありません"));
    }
    let request = RegisterReplicasRequest { replicas };
    client.register_replicas(request).await?;
    Ok(())
}

/// How many items were corrected.
fn correct_set(set: &mut DataSetRecord, is_it: impl Fn(&str) -> bool) -> usize {
    let mut corrected = 0;
    for item in set.items.iter_mut().filter(|item| is_it(&item.item_code)) {
        if let Some(Content::Value(value)) = &mut item.content
            && let Ok(before) = value.parse::<i64>()
        {
            *value = before.saturating_add(CORRECTION).to_string();
            corrected += 1;
        }
    }
    corrected
}

fn within<T>(session: &str, message: T) -> Result<Request<T>, CliFault> {
    let session = session.parse();
    let session = session.map_err(|_| CliFault::Said("セッションの形式が正しくありません"))?;
    let mut request = Request::new(message);
    request.metadata_mut().insert(SESSION_KEY, session);
    Ok(request)
}
