//! The staff's terminal: three held requests for the queue, and who may sign in.

use std::io::{Write as _, stdout};

use data_encoding::HEXLOWER;

use super::{INQUIRER, PROVIDER, Scene, changed, inquiry, tell};
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
    let Some(console) = &scene.console else {
        return Ok(());
    };
    tell::heading("8. 職員の端末で、保留された提供依頼を確認・承認する")?;
    let people = people(scene).await?;
    let of = |situation: Option<Situation>| {
        let mut people = people.iter();
        let found = people.find(|person| match situation {
            Some(situation) => Situation::of(person.index) == situation,
            None => usize::try_from(person.index).is_ok_and(|at| at >= Situation::ALL.len()),
        });
        found.ok_or(CliFault::Said("住民がいません"))
    };
    let ordinary = of(Some(Situation::HeldByPersonInfo))?;
    let protected = of(Some(Situation::HeldByPerson))?;
    let changing = of(None)?;
    held(scene, ordinary, false).await?;
    held(scene, protected, true).await?;
    changed::flag(scene, changing).await?;
    let serial = held(scene, changing, false).await?;
    let changed = changed::check_and_change(scene, &serial, changing).await;
    writeln!(
        stdout(),
        "  端末       {console}（認証局の証明書 {} を信頼させるか、警告を承知して進む）",
        scene.authority.display()
    )?;
    writeln!(
        stdout(),
        "  機関       {PROVIDER}（要対応一覧に提供依頼を3件入れました）"
    )?;
    writeln!(
        stdout(),
        "    {}さん: 通常の確認と承認の練習",
        ordinary.name
    )?;
    writeln!(
        stdout(),
        "    {}さん: 支援措置（DV等）を想定。不開示の指定あり。提供しない判断の練習",
        protected.name
    )?;
    let (name, clerk) = (&changing.name, changed::CLERK);
    match changed {
        Ok(()) => writeln!(
            stdout(),
            "    {name}さん: {clerk}が確認した後に副本が訂正された。承認が無効になり、確認からやり直す練習"
        ),
        // In a world that was used before, the account may have another password or be locked.
        Err(fault) => writeln!(
            stdout(),
            "    {name}さん: {clerk}で確認できないため、保留のまま（{fault}）"
        ),
    }?;
    writeln!(
        stdout(),
        "  研修用アカウント（パスワードはすべて {TRAINING_PASSWORD}）"
    )?;
    for (account, _, name, role) in TRAINING_ACCOUNTS {
        writeln!(stdout(), "    {account:<11} {}  {name}", role.ja())?;
    }
    Ok(())
}

/// The sample people of every situation, and one more.
async fn people(scene: &Scene) -> Result<Vec<SamplePerson>, CliFault> {
    let page_size = i32::try_from(Situation::ALL.len()).unwrap_or_default() + 1;
    let request = ListPeopleRequest {
        page_size,
        ..Default::default()
    };
    let mut people = PopulationServiceClient::new(scene.connect().await?);
    Ok(people.list_people(request).await?.into_inner().people)
}

/// What an institution calls the person.
pub(super) fn known_as<'a>(
    person: &'a SamplePerson,
    institution: &str,
) -> Result<&'a str, CliFault> {
    let mut known = person.institutions.iter();
    let known = known.find(|known| known.institution == institution);
    let known = known.ok_or(CliFault::Said("機関がこの住民を知りません"))?;
    Ok(&known.addressee_number)
}

/// Sends an inquiry about the person and waits until it is held; returns its 処理通番.
async fn held(
    scene: &Scene,
    person: &SamplePerson,
    nondisclosure: bool,
) -> Result<String, CliFault> {
    let random = random_bytes::<8>().map_err(|_| CliFault::Said("乱数が得られません"))?;
    let record_id = format!("demo-{}", HEXLOWER.encode(&random));
    let who = (known_as(person, INQUIRER)?, PROVIDER);
    let mut request = inquiry(scene.now, record_id, who);
    for detail in &mut request.details {
        detail.nondisclosure = nondisclosure;
    }
    let mut client = InquiryServiceClient::new(scene.connect().await?);
    let accepted = client.submit_inquiry(request).await?.into_inner();
    let request = WaitInquiryRequest {
        receipt_number: accepted.receipt_number,
        timeout: None,
    };
    let waited = client.wait_inquiry(request).await?.into_inner();
    let details = waited.inquiry.unwrap_or_default().details.into_iter();
    let mut infos = details.flat_map(|detail| detail.specific_infos);
    let info = infos.next();
    let info = info.ok_or(CliFault::Said("照会の結果がありません"))?;
    Ok(info.processing_serial)
}
