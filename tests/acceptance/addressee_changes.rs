//! People leave, come back, turn out to be one, get another 個人番号; and all who have no symbol get one at a time.

use chukan::grpc::proto::{
    sim::v1::{
        self as sim, resident_network::Pace,
        resident_network_service_client::ResidentNetworkServiceClient,
    },
    v1::{
        self, AcquisitionState as State, NumberedAs, get_addressee_request::By,
        symbol_service_client::SymbolServiceClient,
    },
};
use tonic::Code;

use crate::{
    addressees::{STRANGER, Scene, by_local},
    net::{CITY, person},
    told::told,
};

#[tokio::test]
async fn who_leaves_is_unlinked_and_who_comes_back_is_linked_again_with_the_same_number() {
    let mut scene = Scene::new().await;
    let who = scene.assign(scene.wanted(10, "tax", "1")).await.unwrap();
    let who = who.addressee_number;
    scene.remove(&who).await;
    assert!(!scene.is_linked(&who).await);
    let gone = scene.get(by_local("tax", "1"), false).await.unwrap();
    assert_eq!(gone.standing(), v1::Standing::MovedOut);
    let back = scene.assign(scene.wanted(10, "tax", "1")).await.unwrap();
    assert_eq!(back.addressee_number, who);
    assert_eq!(back.numbered_as(), NumberedAs::Returned);
    assert_eq!(back.acquisition(), State::Linked);
    assert!(scene.is_linked(&who).await);
    scene.stop().await;
}

/// From now on each question about an acquisition brings it to the next server.
async fn slow_network(scene: &Scene) {
    let operator = scene.net.channel("operator").await;
    let request = sim::SetResidentNetworkRequest {
        resident_network: Some(sim::ResidentNetwork {
            pace: Some(Pace::AfterPolls(1)),
            ..Default::default()
        }),
    };
    let mut juki = ResidentNetworkServiceClient::new(operator);
    juki.set_resident_network(request).await.unwrap();
}

/// What an acquisition is at after so many questions that it has come to its end, if it goes on at all.
async fn asked_often(scene: &Scene, who: &str) -> State {
    let mut symbols = SymbolServiceClient::new(scene.net.channel(CITY).await);
    let mut state = State::Unspecified;
    for _ in 0..8 {
        let addressee_number = who.to_owned();
        let request = v1::GetAcquisitionRequest { addressee_number };
        let got = symbols.get_acquisition(request).await.unwrap();
        state = got.into_inner().state();
    }
    state
}

#[tokio::test]
async fn who_leaves_while_the_symbol_is_on_its_way_is_not_linked_when_it_comes() {
    let mut scene = Scene::new().await;
    slow_network(&scene).await;
    for (index, number, reason) in [
        (10, "1", v1::UnlinkReason::MovedOut),
        (11, "2", v1::UnlinkReason::Died),
    ] {
        let wanted = scene.wanted(index, "tax", number);
        let who = scene.assign(wanted).await.unwrap().addressee_number;
        scene.remove_as(&who, v1::UnlinkReason::MovedOut).await;
        let wanted = scene.wanted(index, "tax", number);
        let back = scene.assign(wanted).await.unwrap();
        assert_ne!(back.acquisition(), State::Linked, "it is on its way");
        scene.remove_as(&who, reason).await;
        assert_eq!(asked_often(&scene, &who).await, State::Unlinked);
        assert!(!scene.is_linked(&who).await);
    }
    scene.stop().await;
}

#[tokio::test]
async fn who_has_died_does_not_come_back() {
    let mut scene = Scene::new().await;
    let who = scene.assign(scene.wanted(10, "tax", "1")).await.unwrap();
    let who = who.addressee_number;
    scene.remove_as(&who, v1::UnlinkReason::Died).await;
    for (system, number) in [("tax", "1"), ("welfare", "7")] {
        let wanted = scene.wanted(10, system, number);
        let refused = scene.assign(wanted).await.unwrap_err();
        assert_eq!(told(&refused).reason, "ADDRESSEE_DIED");
    }
    let gone = scene.get(by_local("tax", "1"), false).await.unwrap();
    assert_eq!(gone.standing(), v1::Standing::Died);
    assert!(!scene.is_linked(&who).await);
    scene.stop().await;
}

#[tokio::test]
async fn of_two_records_that_become_one_only_the_one_that_stays_is_linked_whatever_was_on_its_way()
{
    let mut scene = Scene::new().await;
    let mut mistaken = scene.wanted(10, "tax", "1");
    mistaken.individual_number = STRANGER.into();
    let merged = scene.assign(mistaken).await.unwrap().addressee_number;
    slow_network(&scene).await;
    let stays = scene.wanted(11, "welfare", "2");
    let stays = scene.assign(stays).await.unwrap().addressee_number;
    scene.remove(&stays).await;
    let stays = scene.wanted(11, "welfare", "2");
    let stays = scene.assign(stays).await.unwrap().addressee_number;
    let request = v1::MergeAddresseesRequest {
        stays: merged.clone(),
        merged: stays.clone(),
    };
    scene.addressees.merge_addressees(request).await.unwrap();
    let (stays, merged) = (merged, stays);
    assert_eq!(asked_often(&scene, &merged).await, State::Unlinked);
    assert!(!scene.is_linked(&merged).await);
    // It has the number of nobody: its own request ends, and takes nobody else's symbol.
    assert_eq!(asked_often(&scene, &stays).await, State::PersonUnknown);
    scene.stop().await;
}

#[tokio::test]
async fn two_records_of_one_person_become_one_with_the_symbol_and_every_local_number() {
    let mut scene = Scene::new().await;
    let mut mistaken = scene.wanted(10, "tax", "1");
    mistaken.individual_number = STRANGER.into();
    let stays = scene.assign(mistaken).await.unwrap().addressee_number;
    let mut second = scene.wanted(10, "welfare", "2");
    second.four_items_checked = true;
    let merged = scene.assign(second).await.unwrap().addressee_number;
    let request = |stays: &str, merged: &str| v1::MergeAddresseesRequest {
        stays: stays.to_owned(),
        merged: merged.to_owned(),
    };
    let alone = scene
        .addressees
        .merge_addressees(request(&merged, &merged))
        .await;
    assert_eq!(told(&alone.unwrap_err()).reason, "MERGED_WITH_ITSELF");
    let done = scene
        .addressees
        .merge_addressees(request(&merged, &stays))
        .await;
    done.unwrap();
    let (stays, merged) = (merged, stays);
    assert!(scene.is_linked(&stays).await);
    assert!(!scene.is_linked(&merged).await);
    let converted = scene.convert("tax", &["1"], &[&stays, &merged]).await;
    assert_eq!(converted, [vec![stays.clone()], vec!["1".into()], vec![]]);
    let gone = scene.get(By::AddresseeNumber(merged), false).await.unwrap();
    assert_eq!(
        (gone.standing(), gone.merged_into),
        (v1::Standing::Merged, stays)
    );
    scene.stop().await;
}

#[tokio::test]
async fn a_changed_number_finds_the_person_and_the_old_one_nobody() {
    let mut scene = Scene::new().await;
    let who = scene.assign(scene.wanted(10, "tax", "1")).await.unwrap();
    let other = scene.assign(scene.wanted(11, "tax", "2")).await.unwrap();
    let operator = scene.net.channel("operator").await;
    let request = sim::ChangeIndividualNumberRequest { person_index: 10 };
    let changed = ResidentNetworkServiceClient::new(operator)
        .change_individual_number(request)
        .await
        .unwrap();
    let new = changed.into_inner().individual_number;
    let replace = |who: &str| v1::ReplaceIndividualNumberRequest {
        addressee_number: who.to_owned(),
        individual_number: new.clone(),
    };
    let who = who.addressee_number;
    let done = scene
        .addressees
        .replace_individual_number(replace(&who))
        .await;
    done.unwrap();
    assert!(scene.is_linked(&who).await);
    let held = replace(&other.addressee_number);
    let refused = scene.addressees.replace_individual_number(held).await;
    assert_eq!(told(&refused.unwrap_err()).reason, "INDIVIDUAL_NUMBER_HELD");
    let found = scene.get(By::IndividualNumber(new), false).await.unwrap();
    assert_eq!(found.addressee_number, who);
    let old = scene.people[10].individual_number.clone();
    let nobody = scene
        .get(By::IndividualNumber(old), false)
        .await
        .unwrap_err();
    assert_eq!(nobody.code(), Code::NotFound);
    scene.stop().await;
}

#[tokio::test]
async fn a_symbol_that_the_old_number_did_not_bring_comes_with_the_new_one() {
    let mut scene = Scene::new().await;
    let who = scene.assign(scene.wanted(10, "tax", "1")).await.unwrap();
    let who = who.addressee_number;
    scene.remove(&who).await;
    let operator = scene.net.channel("operator").await;
    let request = sim::ChangeIndividualNumberRequest { person_index: 10 };
    let changed = ResidentNetworkServiceClient::new(operator)
        .change_individual_number(request)
        .await;
    let individual_number = changed.unwrap().into_inner().individual_number;
    let back = scene.assign(scene.wanted(10, "tax", "1")).await.unwrap();
    assert_eq!(back.acquisition(), State::NumberChanged);
    let request = v1::ReplaceIndividualNumberRequest {
        addressee_number: who.clone(),
        individual_number,
    };
    let done = scene.addressees.replace_individual_number(request).await;
    done.unwrap();
    assert!(scene.is_linked(&who).await);
    scene.stop().await;
}

#[tokio::test]
async fn a_mass_acquisition_begins_when_the_resident_network_is_back_and_passes_over_the_linked() {
    let mut scene = Scene::new().await;
    let operator = scene.net.channel("operator").await;
    let mut juki = ResidentNetworkServiceClient::new(operator);
    let set = |down: Vec<i32>| sim::SetResidentNetworkRequest {
        resident_network: Some(sim::ResidentNetwork {
            down,
            ..Default::default()
        }),
    };
    for index in 10..20 {
        let assigned = scene
            .assign(scene.wanted(index, "tax", &index.to_string()))
            .await;
        let who = assigned.unwrap().addressee_number;
        scene.remove(&who).await;
    }
    let down = vec![sim::Station::CommunicationServer.into()];
    juki.set_resident_network(set(down)).await.unwrap();
    for index in 10..20 {
        let wanted = scene.wanted(index, "tax", &index.to_string());
        let back = scene.assign(wanted).await.unwrap();
        assert_eq!(back.acquisition(), State::Unlinked);
    }
    let refused = scene
        .addressees
        .acquire_symbols(v1::AcquireSymbolsRequest::default())
        .await;
    assert_eq!(told(&refused.unwrap_err()).reason, "RESIDENT_NETWORK_DOWN");
    juki.set_resident_network(set(vec![])).await.unwrap();
    // Whoever is linked is not looked at again.
    for people in [10, 0] {
        let request = v1::AcquireSymbolsRequest::default();
        let mut told = scene
            .addressees
            .acquire_symbols(request)
            .await
            .unwrap()
            .into_inner();
        let mut last = v1::AcquireSymbolsResponse::default();
        while let Some(next) = told.message().await.unwrap() {
            last = next;
        }
        assert_eq!(
            (last.done, last.of, last.requested),
            (people, people, people)
        );
    }
    for index in 10..20 {
        assert!(scene.is_linked(&person(index, CITY)).await);
    }
    scene.stop().await;
}
