//! The exchange itself: submit, wait, open, records, proofs; every answer comes over the wire.

use std::{
    collections::HashMap,
    io::{self, Write as _, stdout},
};

use data_encoding::HEXLOWER;
use tonic::transport::Channel;

use super::{INQUIRER, Scene, inquiry, tell};
use crate::{
    cli::fault::CliFault,
    crypto::digest::random_bytes,
    grpc::proto::{
        sim::v1::{
            GetJournalRequest, ListPeopleRequest, SamplePerson,
            exchange_service_client::ExchangeServiceClient,
            population_service_client::PopulationServiceClient,
        },
        v1::{
            self, inquiry_service_client::InquiryServiceClient,
            ledger_service_client::LedgerServiceClient,
            provision_record_service_client::ProvisionRecordServiceClient,
            replica_service_client::ReplicaServiceClient,
        },
    },
    ledger::{Checkpoint, PublicKeys, leaf_hash, merkle::verify_inclusion, verify::verify},
};

/// Tells the whole exchange.
pub(super) async fn tell(scene: &Scene) -> Result<(), CliFault> {
    let channel = scene.connect().await?;
    let person = person(channel.clone()).await?;
    let result = ask(scene, channel.clone(), &person).await?;
    steps(channel.clone(), &result.processing_serial).await?;
    answer(channel.clone(), &result).await?;
    let place = records(channel.clone(), &result.processing_serial).await?;
    ledger(scene, channel, place).await
}

async fn person(channel: Channel) -> Result<SamplePerson, CliFault> {
    let mut population = PopulationServiceClient::new(channel);
    let page = population
        .list_people(ListPeopleRequest {
            page_size: 1,
            ..Default::default()
        })
        .await?
        .into_inner();
    let person = page.people.into_iter().next();
    person.ok_or(CliFault::Said("住民がいません"))
}

async fn ask(
    scene: &Scene,
    channel: Channel,
    person: &SamplePerson,
) -> Result<v1::SpecificInfoResult, CliFault> {
    let known = person
        .institutions
        .iter()
        .find(|known| known.institution == INQUIRER);
    let known = known.ok_or(CliFault::Said("照会者がこの住民を知りません"))?;
    tell::heading("3. 情報照会を送る（SubmitInquiry）")?;
    writeln!(stdout(), "  照会者     {INQUIRER} あさひ野市")?;
    writeln!(
        stdout(),
        "  提供者     {}（{}さんの住所地）",
        person.home,
        person.name
    )?;
    writeln!(
        stdout(),
        "  対象者     団体内統合宛名番号 {}（個人番号は使いません）",
        known.addressee_number
    )?;
    writeln!(stdout(), "  事務       JM01000000121000 / JT01010000000214")?;
    writeln!(stdout(), "  特定個人情報 TM00000000000002 地方税関係情報")?;
    let random = random_bytes::<8>().map_err(|_| CliFault::Said("乱数が得られません"))?;
    let record_id = format!("demo-{}", HEXLOWER.encode(&random));
    let who = (known.addressee_number.as_str(), person.home.as_str());
    let request = inquiry(scene.now, record_id, who);
    let mut client = InquiryServiceClient::new(channel);
    let accepted = client.submit_inquiry(request).await?.into_inner();
    writeln!(stdout(), "  → 受付番号 {}", accepted.receipt_number)?;
    let waited = client
        .wait_inquiry(v1::WaitInquiryRequest {
            receipt_number: accepted.receipt_number,
            timeout: None,
        })
        .await?
        .into_inner();
    let detail = waited
        .inquiry
        .and_then(|inquiry| inquiry.details.into_iter().next());
    let detail = detail.ok_or(CliFault::Said("照会の結果がありません"))?;
    writeln!(
        stdout(),
        "  → 明細     {} {}",
        detail.status_code,
        detail.message
    )?;
    let result = detail.specific_infos.into_iter().next();
    result.ok_or(CliFault::Said("照会の結果がありません"))
}

async fn steps(channel: Channel, serial: &str) -> Result<(), CliFault> {
    tell::heading("4. 経過（誰が、どの規則で、どの記録を、どれだけの時間で）")?;
    writeln!(stdout(), "  処理通番   {serial}")?;
    let journal = ExchangeServiceClient::new(channel)
        .get_journal(GetJournalRequest {
            processing_serial: serial.to_owned(),
        })
        .await?
        .into_inner();
    for (number, step) in (1..).zip(journal.steps) {
        writeln!(
            stdout(),
            "  {number}. {:<16} {:<16} {:>10}  {}",
            step.actor,
            step.act,
            tell::took(step.took),
            step.outcome
        )?;
        writeln!(stdout(), "       根拠: {}", step.rule)?;
    }
    Ok(())
}

async fn answer(channel: Channel, result: &v1::SpecificInfoResult) -> Result<(), CliFault> {
    tell::heading("5. 回答を開く")?;
    let state = result.result.as_ref();
    let state = state.ok_or(CliFault::Said("照会の結果がありません"))?;
    writeln!(
        stdout(),
        "  結果       {} {}",
        state.status_code,
        state.message
    )?;
    let Some(v1::specific_info_result::Answer::Plain(answer)) = &result.answer else {
        return Err(CliFault::Said("回答がありません"));
    };
    writeln!(
        stdout(),
        "  照会者の公開鍵へ封印（HPKE）された回答を、照会者の中間サーバーが開きました。"
    )?;
    let names = item_names(channel, &result.specific_info).await?;
    for record in &answer.records {
        writeln!(
            stdout(),
            "  副本 {}（レイアウト {}）",
            record.record_key,
            record.layout_version
        )?;
        for data_set in &record.content {
            show(data_set, &names, 2)?;
        }
    }
    Ok(())
}

pub(super) async fn item_names(
    channel: Channel,
    info: &str,
) -> Result<HashMap<String, String>, CliFault> {
    let layouts = ReplicaServiceClient::new(channel)
        .list_layouts(v1::ListLayoutsRequest {
            specific_info: info.to_owned(),
        })
        .await?
        .into_inner();
    let mut names = HashMap::new();
    let mut open: Vec<_> = layouts
        .layouts
        .into_iter()
        .flat_map(|layout| layout.data_sets)
        .collect();
    while let Some(data_set) = open.pop() {
        names.insert(data_set.code, data_set.name);
        names.extend(
            data_set
                .items
                .into_iter()
                .map(|item| (item.code, item.name)),
        );
        open.extend(data_set.data_sets);
    }
    Ok(names)
}

fn show(
    data_set: &v1::DataSetRecord,
    names: &HashMap<String, String>,
    depth: usize,
) -> io::Result<()> {
    let indent = "  ".repeat(depth);
    let name = |code: &String| names.get(code).unwrap_or(code).clone();
    writeln!(stdout(), "{indent}■ {}", name(&data_set.data_set_code))?;
    for item in &data_set.items {
        let value = match &item.content {
            Some(v1::item::Content::Value(value)) => value.clone(),
            Some(v1::item::Content::Missing(_)) | None => "（値なし）".to_owned(),
        };
        writeln!(stdout(), "{indent}  {}: {value}", name(&item.item_code))?;
    }
    for child in &data_set.children {
        show(child, names, depth + 1)?;
    }
    Ok(())
}

/// Shows the three records; returns where the inquirer's stands.
async fn records(channel: Channel, serial: &str) -> Result<v1::LedgerPosition, CliFault> {
    tell::heading("6. 三者の情報提供等記録を突き合わせる")?;
    let compared = ProvisionRecordServiceClient::new(channel)
        .compare_provision_records(v1::CompareProvisionRecordsRequest {
            scope: Some(
                v1::compare_provision_records_request::Scope::ProcessingSerial(serial.to_owned()),
            ),
            ..Default::default()
        })
        .await?
        .into_inner();
    let comparison = compared.comparisons.into_iter().next();
    let comparison = comparison.ok_or(CliFault::Said("記録がありません"))?;
    let sides = [
        ("照会者", &comparison.inquirer),
        ("コア", &comparison.core),
        ("提供者", &comparison.provider),
    ];
    for (side, record) in sides {
        let Some(record) = record else {
            writeln!(stdout(), "  {side}: 記録なし")?;
            continue;
        };
        let place = record.position.as_ref();
        let place = place.map(|place| format!("{} #{}", place.tree, place.index));
        let result = record.result.as_ref();
        writeln!(
            stdout(),
            "  {side:<4}  台帳 {:<26} 結果 {}  許可 {}  回答の要約値 {}",
            place.unwrap_or_default(),
            result
                .map(|result| result.status_code.as_str())
                .unwrap_or_default(),
            record.permission_row,
            tell::short(&record.answer_digest),
        )?;
    }
    if comparison.agree {
        writeln!(stdout(), "  → 三者の記録は一致しています。")?;
        let own = comparison.inquirer.and_then(|record| record.position);
        own.ok_or(CliFault::Said("照会者の記録がありません"))
    } else {
        for disagreement in &comparison.disagreements {
            writeln!(
                stdout(),
                "  不一致: {} {}",
                disagreement.field,
                disagreement.detail
            )?;
        }
        Err(CliFault::Said("三者の記録が一致しません"))
    }
}

async fn ledger(
    scene: &Scene,
    channel: Channel,
    place: v1::LedgerPosition,
) -> Result<(), CliFault> {
    tell::heading("7. 台帳を検証する")?;
    let proof = LedgerServiceClient::new(channel)
        .get_inclusion_proof(v1::GetInclusionProofRequest {
            tree: place.tree.clone(),
            index: place.index,
        })
        .await?
        .into_inner();
    let keys = PublicKeys::load(&scene.ledger.join("keys.pub"))?;
    let head = verified_head(&proof, keys.as_ref(), place.index)?;
    writeln!(
        stdout(),
        "  照会者の記録 {} #{} は、署名付きチェックポイント（{}件、根 {}）に含まれています。",
        place.tree,
        place.index,
        head.size,
        tell::short(&head.root)
    )?;
    for line in head
        .to_string()
        .lines()
        .filter(|line| line.starts_with('—'))
    {
        let signer = line.split(' ').nth(1).unwrap_or_default();
        writeln!(stdout(), "    署名 {signer}")?;
    }
    let report = verify(&scene.ledger, keys.as_ref(), |_| {})?;
    for tree in &report.trees {
        writeln!(
            stdout(),
            "  {:<22} {:>4}件  根 {}",
            tree.tree.to_string(),
            tree.size,
            tell::short(&tree.root)
        )?;
    }
    writeln!(
        stdout(),
        "  → {}件の記録すべてが、葉と木の値に一致しました。",
        report.entries
    )?;
    Ok(())
}

/// The head that the record is proven against, after checking its signatures, the leaf and the path.
fn verified_head(
    proof: &v1::GetInclusionProofResponse,
    keys: Option<&PublicKeys>,
    index: u64,
) -> Result<Checkpoint, CliFault> {
    let unproven = || CliFault::Said("記録が台帳に含まれることを確かめられません");
    let note = proof.checkpoint.as_ref().ok_or_else(unproven)?;
    let head = Checkpoint::parse(&note.note).map_err(|_| unproven())?;
    head.verify(keys.ok_or_else(unproven)?)
        .map_err(|_| unproven())?;
    let salt = proof.salt.as_slice().try_into().map_err(|_| unproven())?;
    let leaf = leaf_hash(&salt, proof.recorded_at_ms, &proof.body);
    let path: Result<Vec<_>, _> = proof
        .path
        .iter()
        .map(|hash| hash.as_slice().try_into())
        .collect();
    let path = path.map_err(|_| unproven())?;
    verify_inclusion(&leaf, index, head.size, &path, &head.root).map_err(|_| unproven())?;
    Ok(head)
}
