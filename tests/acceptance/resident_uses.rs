//! Every use of identity information is on record, also one that is refused, and nothing of the person is.

use chukan::{
    grpc::{
        caller::SESSION_KEY,
        proto::v1::{
            self, ChangeReason, IdentityPurpose, ResidentRequestState as State,
            resident_service_client::ResidentServiceClient,
            staff_service_client::StaffServiceClient,
        },
    },
    sample::staff::TRAINING_PASSWORD,
};
use tonic::{Code, Request, Status};

use crate::{
    canary::{files, holds_bytes},
    frozen,
    net::{self, CITY, Net, PREFECTURE, TAX_AFFAIR},
    residents::{
        REGISTER_AFFAIR, Scene, asks, by, look_up, notice, refused, registered, stop, tells,
    },
};

/// The uses that an auditor of the institution is shown.
pub(crate) async fn uses(net: &Net, who: &str) -> Vec<v1::IdentityUse> {
    let session = session(net, who, "auditor").await;
    let listed = list_uses(net, who, &session).await;
    listed.unwrap().uses
}

async fn session(net: &Net, who: &str, account: &str) -> String {
    let mut staff = StaffServiceClient::new(frozen::channel(net, who).await);
    let request = v1::SignInRequest {
        account: account.into(),
        password: TRAINING_PASSWORD.into(),
    };
    staff.sign_in(request).await.unwrap().into_inner().session
}

async fn list_uses(
    net: &Net,
    who: &str,
    session: &str,
) -> Result<v1::ListIdentityUsesResponse, Status> {
    let mut client = ResidentServiceClient::new(frozen::channel(net, who).await);
    let mut request = Request::new(v1::ListIdentityUsesRequest::default());
    let session = session.parse().unwrap();
    request.metadata_mut().insert(SESSION_KEY, session);
    Ok(client.list_identity_uses(request).await?.into_inner())
}

/// What names a person must not tell two institutions that they asked about the same one.
#[tokio::test]
async fn each_institution_has_another_name_for_the_same_person_and_keeps_it() {
    let net = net::start();
    let mut scene = Scene::new(&net).await;
    let number = scene.number(3).await;
    let mut survival = look_up("l-1", &number);
    survival.purpose = IdentityPurpose::SurvivalCheck.into();
    asks(&mut scene.prefecture, survival).await.unwrap();
    for record in ["l-2", "l-3"] {
        asks(&mut scene.city, look_up(record, &number))
            .await
            .unwrap();
    }
    let named = async |who| {
        let uses = uses(&net, who).await.into_iter();
        uses.map(|used| used.person_digest).collect::<Vec<_>>()
    };
    let (city, prefecture) = (named(CITY).await, named(PREFECTURE).await);
    assert_eq!(city.len(), 2);
    assert_eq!(city[0], city[1]);
    assert!(!prefecture[0].is_empty() && prefecture[0] != city[0]);
    stop(net).await;
}

#[tokio::test]
async fn a_look_up_for_another_affair_or_purpose_is_refused_and_on_record() {
    let net = net::start();
    let mut scene = Scene::new(&net).await;
    let number = scene.number(3).await;
    let mut other_affair = look_up("l-1", &number);
    other_affair.by = by(REGISTER_AFFAIR);
    let mut other_purpose = look_up("l-2", &number);
    other_purpose.purpose = IdentityPurpose::SurvivalCheck.into();
    for request in [other_affair, other_purpose.clone()] {
        let refused = refused(asks(&mut scene.city, request).await);
        assert_eq!(refused.code, Code::PermissionDenied);
        assert_eq!(refused.reason, "IDENTITY_USE_NOT_ENTITLED");
    }
    let seen = asks(&mut scene.prefecture, other_purpose).await.unwrap();
    assert_eq!(seen.state(), State::Done);
    let mut other_unit = look_up("l-3", &number);
    other_unit.by.as_mut().unwrap().unit_code = "SOUMU".into();
    let refused = refused(asks(&mut scene.ward, other_unit).await);
    assert_eq!(refused.reason, "UNIT_NOT_AUTHORISED");
    let uses = uses(&net, CITY).await;
    let told: Vec<_> = uses
        .iter()
        .map(|used| (used.record_id.as_str(), used.refusal.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("l-2", "IDENTITY_USE_NOT_ENTITLED"),
            ("l-1", "IDENTITY_USE_NOT_ENTITLED")
        ]
    );
    stop(net).await;
}

#[tokio::test]
async fn every_use_is_on_record_with_who_and_what_for_and_nothing_of_the_person() {
    let net = net::start();
    let mut scene = Scene::new(&net).await;
    let number = scene.number(3).await;
    let (mut items, ..) = registered(&mut scene.city, "l-1", &number).await;
    let nobody = asks(&mut scene.city, look_up("l-2", "123456789018")).await;
    let nobody = nobody.unwrap();
    assert_eq!(
        (nobody.state(), nobody.refusal.as_str()),
        (State::Refused, "PERSON_UNKNOWN")
    );
    items.address = "金糸雀町八丁目8番8号".into();
    let moved = (ChangeReason::MovedIn, "2026-11-22");
    tells(
        &mut scene.city,
        notice("n-1", &number, moved, Some(items.clone())),
    )
    .await
    .unwrap();
    let uses = uses(&net, CITY).await;
    let told: Vec<_> = uses
        .iter()
        .map(|used| (used.record_id.as_str(), used.act(), used.refusal.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("n-1", v1::IdentityAct::Notify, ""),
            ("l-2", v1::IdentityAct::LookUp, "PERSON_UNKNOWN"),
            ("l-1", v1::IdentityAct::LookUp, "")
        ]
    );
    assert_eq!(uses[2].by, by(TAX_AFFAIR));
    assert_eq!(uses[2].purpose(), IdentityPurpose::AddressCheck);
    assert_eq!(uses[2].at, Some(frozen::hour(0)));
    assert!(!uses[0].person_digest.is_empty() && uses[1].person_digest.is_empty());
    assert_eq!(uses[0].person_digest, uses[2].person_digest);
    let clerk = session(&net, CITY, "clerk1").await;
    let denied = refused(list_uses(&net, CITY, &clerk).await);
    assert_eq!(denied.reason, "NOT_AUTHORISED");
    for file in files(net.data()) {
        let bytes = std::fs::read(&file).unwrap();
        for secret in [&number, &items.address] {
            let file = file.display();
            assert!(!holds_bytes(&bytes, secret.as_bytes()), "{file}");
        }
    }
    stop(net).await;
}
