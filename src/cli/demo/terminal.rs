//! The staff's terminal: two held requests for the queue, and who may sign in.

use data_encoding::HEXLOWER;

use super::{INQUIRER, Scene, inquiry, tell};
use crate::{
    cli::fault::CliFault,
    crypto::digest::random_bytes,
    grpc::proto::{
        sim::v1::{
            ListPeopleRequest, SamplePerson, population_service_client::PopulationServiceClient,
        },
        v1::{WaitInquiryRequest, inquiry_service_client::InquiryServiceClient},
    },
    sample::{
        situation::Situation,
        staff::{TRAINING_ACCOUNTS, TRAINING_PASSWORD},
    },
};

/// Puts held requests into the queue of the provider and tells where they are decided.
pub(super) async fn tell(scene: &Scene) -> Result<(), CliFault> {
    let Some(console) = scene.console else {
        return Ok(());
    };
    tell::heading("8. 職員の端末で、保留された提供依頼を確認・承認する");
    let ordinary = held(scene, Situation::HeldByPersonInfo, false).await?;
    let protected = held(scene, Situation::HeldByPerson, true).await?;
    println!(
        "  端末       https://{console}/（認証局の証明書 {} を信頼させるか、警告を承知して進む）",
        scene.authority.display()
    );
    println!(
        "  機関       {}（提供依頼が2件、確認を待っています）",
        ordinary.home
    );
    println!("    {}さん: 通常の確認と承認の練習", ordinary.name);
    println!(
        "    {}さん: 支援措置（DV等）を想定。不開示の指定あり。提供しない判断の練習",
        protected.name
    );
    println!("  研修用アカウント（パスワードはすべて {TRAINING_PASSWORD}）");
    for (account, _, name, role) in TRAINING_ACCOUNTS {
        println!("    {account:<11} {}  {name}", role.ja());
    }
    Ok(())
}

/// Sends an inquiry about the sample person of this situation and waits until it is held.
async fn held(
    scene: &Scene,
    situation: Situation,
    nondisclosure: bool,
) -> Result<SamplePerson, CliFault> {
    let channel = scene.connect().await?;
    let page_size = i32::try_from(Situation::ALL.len()).unwrap_or_default();
    let request = ListPeopleRequest {
        page_size,
        ..Default::default()
    };
    let people = PopulationServiceClient::new(channel.clone());
    let people = { people }.list_people(request).await?.into_inner().people;
    let mut people = people.into_iter();
    let person = people.find(|person| Situation::of(person.index) == situation);
    let person = person.ok_or(CliFault::Said("住民がいません"))?;
    let mut known = person.institutions.iter();
    let known = known.find(|known| known.institution == INQUIRER);
    let known = known.ok_or(CliFault::Said("照会者がこの住民を知りません"))?;
    let random = random_bytes::<8>().map_err(|_| CliFault::Said("乱数が得られません"))?;
    let record_id = format!("demo-{}", HEXLOWER.encode(&random));
    let who = (known.addressee_number.as_str(), person.home.as_str());
    let mut request = inquiry(scene.now, record_id, who);
    for detail in &mut request.details {
        detail.nondisclosure = nondisclosure;
    }
    let mut client = InquiryServiceClient::new(channel);
    let accepted = client.submit_inquiry(request).await?.into_inner();
    client
        .wait_inquiry(WaitInquiryRequest {
            receipt_number: accepted.receipt_number,
            timeout: None,
        })
        .await?;
    Ok(person)
}
