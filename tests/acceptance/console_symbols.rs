//! 符号状態 at the terminal: every state is seen, no symbol and no number.

use chukan::grpc::proto::{
    sim::v1::{
        self as sim, population_service_client::PopulationServiceClient, resident_network::Pace,
        resident_network_service_client::ResidentNetworkServiceClient,
    },
    v1::{self, symbol_service_client::SymbolServiceClient},
};

use crate::{
    console::{Answer, Browser},
    console_records::hostile,
    net::{self, CITY, PEOPLE, person},
};

async fn look_up(browser: &mut Browser<'_>, number: &str) -> Answer {
    let guard = browser.get("/").await.guard();
    let form = [("guard", guard.as_str()), ("addressee", number)];
    browser.post("/symbols", &form).await
}

#[tokio::test]
async fn every_state_on_the_way_is_seen_and_the_number_only_masked() {
    let net = net::start();
    let mut symbols = SymbolServiceClient::new(net.channel(CITY).await);
    let mut population = PopulationServiceClient::new(net.channel(CITY).await);
    let mut juki = ResidentNetworkServiceClient::new(net.channel("operator").await);
    let mut clerk = Browser::signed_in(&net, CITY, "clerk1").await;
    let who = person(11, CITY);
    let linked = look_up(&mut clerk, &who).await;
    assert!(
        linked.page.contains("✔ 符号を取得しました"),
        "{}",
        linked.page
    );
    assert!(linked.page.contains(&format!("＊{}", &who[11..])));
    assert!(!linked.page.contains(&who), "{}", linked.page);

    let reason = v1::UnlinkReason::MovedOut.into();
    let addressee_number = who.clone();
    let unlink = v1::UnlinkSymbolRequest {
        addressee_number,
        reason,
    };
    symbols.unlink_symbol(unlink).await.unwrap();
    let seen = look_up(&mut clerk, &who).await.page;
    assert!(
        seen.contains("↩ 転出により符号の紐付けを解除しました"),
        "{seen}"
    );
    let addressee_number = who.clone();
    let request = v1::RequestAcquisitionRequest { addressee_number };
    let issued = symbols.request_acquisition(request).await.unwrap();
    let acquisition_serial = issued.into_inner().acquisition_serial;
    let seen = look_up(&mut clerk, &who).await.page;
    assert!(seen.contains("… 取得番号を発行しました"), "{seen}");
    assert!(!seen.contains(&acquisition_serial), "{seen}");

    let resident_network = Some(sim::ResidentNetwork {
        pace: Some(Pace::AfterPolls(1)),
        ..Default::default()
    });
    let set = sim::SetResidentNetworkRequest { resident_network };
    juki.set_resident_network(set).await.unwrap();
    let people = population.list_people(sim::ListPeopleRequest::default());
    let people = people.await.unwrap().into_inner().people;
    let individual_number = people[11].individual_number.clone();
    let bring = sim::RequestSymbolRequest {
        acquisition_serial,
        individual_number: individual_number.clone(),
    };
    population.request_symbol(bring).await.unwrap();
    for words in [
        "… 都道府県サーバで",
        "… 全国サーバで",
        "… コアシステムで",
        "✔ 符号を取得しました",
    ] {
        let seen = look_up(&mut clerk, &who).await.page;
        assert!(seen.contains(words), "{words}: {seen}");
        assert!(!seen.contains(&individual_number) && !seen.contains(&who));
    }
    let counts = clerk.get("/symbols?counts=1").await.page;
    let words = "✔ 符号を取得しました。</th><td>";
    let (_, rest) = counts.split_once(words).unwrap();
    let linked: u32 = rest.split('<').next().unwrap().parse().unwrap();
    assert!((1..=PEOPLE).contains(&linked), "{linked}");
    assert!(counts.contains("<th scope=\"row\">合計</th>"), "{counts}");
    let mut auditor = Browser::signed_in(&net, CITY, "auditor").await;
    let log = auditor.get("/operations").await.page;
    assert!(
        log.contains("符号状態の参照") && !log.contains(&who),
        "{log}"
    );
    assert_eq!(auditor.get("/symbols").await.status, 403);
}

#[tokio::test]
async fn a_person_without_a_request_is_told_and_a_flaw_harms_no_page() {
    let net = net::start();
    let mut clerk = Browser::signed_in(&net, CITY, "clerk1").await;
    let nobody = look_up(&mut clerk, "000000000000000").await;
    assert!(
        nobody.page.contains("符号の取得を依頼していません"),
        "{}",
        nobody.page
    );
    for bad in hostile() {
        let answer = look_up(&mut clerk, &bad).await;
        assert_eq!(answer.status, 422, "{}", answer.page);
        assert!(
            answer.page.contains("id=\"addressee-flaw\""),
            "{}",
            answer.page
        );
        assert!(!answer.page.contains("<script>") && !answer.page.contains("5678-9018"));
    }
    let stale = [("guard", "0000"), ("addressee", "000000000000000")];
    let answer = clerk.post("/symbols", &stale).await;
    assert!(
        !answer.page.contains("符号の取得を依頼していません"),
        "{}",
        answer.page
    );
}
