//! How a person gets a symbol, server by server over three networks.

use std::io::{Write as _, stdout};

use tonic::transport::Channel;

use super::{INQUIRER, Scene, tell};
use crate::{
    cli::fault::CliFault,
    crypto::identity::Identity,
    grpc::proto::{
        sim::v1::{
            GetResidentNetworkRequest, ResidentNetwork, SetResidentNetworkRequest,
            resident_network::Pace, resident_network_service_client::ResidentNetworkServiceClient,
        },
        v1::{
            self, AcquisitionState, addressee_service_client::AddresseeServiceClient,
            symbol_service_client::SymbolServiceClient,
        },
    },
    sample::population::Sex,
};

/// The business system of the demonstration.
const SYSTEM: &str = "jumin";

/// Tells one acquisition. The resident network moves only when it is asked meanwhile, and afterwards as before.
pub(super) async fn tell(scene: &Scene) -> Result<(), CliFault> {
    tell::heading("2. 符号を取得する（3つのネットワーク）")?;
    let mut juki =
        ResidentNetworkServiceClient::new(scene.connect_with(&Identity::Operator).await?);
    let before = juki
        .get_resident_network(GetResidentNetworkRequest {})
        .await?
        .into_inner()
        .resident_network;
    let stepwise = ResidentNetwork {
        pace: Some(Pace::AfterPolls(1)),
        ..Default::default()
    };
    juki.set_resident_network(SetResidentNetworkRequest {
        resident_network: Some(stepwise),
    })
    .await?;
    let told = acquire(scene, scene.connect().await?).await;
    juki.set_resident_network(SetResidentNetworkRequest {
        resident_network: before,
    })
    .await?;
    told
}

async fn acquire(scene: &Scene, channel: Channel) -> Result<(), CliFault> {
    let person = &scene.newcomer;
    writeln!(
        stdout(),
        "  対象者     {}さん（{INQUIRER} あさひ野市の宛名番号 {}）",
        person.name(),
        person.index
    )?;
    let mut symbols = SymbolServiceClient::new(channel.clone());
    let mut addressees = AddresseeServiceClient::new(channel);
    let assignment = v1::AssignNumberRequest {
        local: Some(v1::LocalName {
            system: SYSTEM.to_owned(),
            local_number: person.index.to_string(),
        }),
        individual_number: person.individual_number.expose().to_owned(),
        four_items: Some(v1::FourItems {
            name: person.name(),
            address: person.address.clone(),
            birth_date: person.birth_date.to_string(),
            sex: match person.sex {
                Sex::Female => v1::Sex::Female.into(),
                Sex::Male => v1::Sex::Male.into(),
            },
        }),
        four_items_checked: true,
    };
    let numbered = addressees.assign_number(assignment.clone()).await?;
    let addressee_number = numbered.into_inner().addressee_number;
    writeln!(
        stdout(),
        "  付番       団体内統合宛名番号 {addressee_number}（個人番号は中間サーバーへ渡りません）"
    )?;
    // The sample people have symbols: this one's is taken away, and acquired again as a newcomer's would be.
    symbols
        .unlink_symbol(v1::UnlinkSymbolRequest {
            addressee_number: addressee_number.clone(),
            reason: v1::UnlinkReason::MovedOut.into(),
        })
        .await?;
    writeln!(
        stdout(),
        "             見本の住民の符号をいったん解除し、転入者として取り直します"
    )?;
    let begun = addressees.assign_number(assignment).await?.into_inner();
    if begun.acquisition() != AcquisitionState::AtCommunicationServer {
        return Err(CliFault::Said("符号取得が始まりません"));
    }
    writeln!(
        stdout(),
        "  1. 中間サーバーが取得番号を発行し、宛名システムが取得番号と個人番号を住基ネットへ送りました。"
    )?;
    // Three servers stand between the communication server and the link.
    for number in 2..=5 {
        let wanted = v1::GetAcquisitionRequest {
            addressee_number: addressee_number.clone(),
        };
        let stands = symbols.get_acquisition(wanted).await?.into_inner();
        let what = match stands.state() {
            AcquisitionState::AtNationalServer => "（次に個人番号を住民票コードへ変換）",
            AcquisitionState::AtCoreSystem => "（住民票コードから機関別の符号を生成）",
            AcquisitionState::Linked => "取得番号は破棄されました。",
            _ => "",
        };
        writeln!(stdout(), "  {number}. {}{what}", stands.message)?;
        if stands.state() == AcquisitionState::Linked {
            return Ok(());
        }
    }
    Err(CliFault::Said("符号取得が終わりません"))
}
