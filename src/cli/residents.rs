//! `chukan residents notify|look-up|history|status`: identity information at the resident network.

use std::io::{IsTerminal as _, Write as _};

use clap::{Args, Subcommand, ValueEnum};
use zeroize::Zeroizing;

use super::{client::ClientOptions, fault::CliFault, people::sample_person, start::on_runtime};
use crate::grpc::proto::v1::{
    self, ChangeReason, FourItems, GetResidentRequestRequest, IdentityInformation, IdentityPurpose,
    LookUpResidentRequest, NotifyResidentRequest, ResidentRequest, ResidentRequestState as State,
    resident_service_client::ResidentServiceClient,
};

#[derive(Debug, Subcommand)]
pub(super) enum ResidentsCommand {
    /// 住民の異動を通知する（市町村）
    Notify(Box<Notify>),
    /// 本人確認情報を照会する
    LookUp(LookUp),
    /// 本人確認情報の履歴を照会する
    History(LookUp),
    /// 依頼の状況と回答を表示する
    Status(Status),
}

/// Who asks, and the request's id.
#[derive(Debug, Args)]
struct Asker {
    #[command(flatten)]
    client: ClientOptions,
    /// レコード識別番号（依頼ごとに新しい番号）
    #[arg(long, value_name = "ID")]
    record_id: String,
    /// 部署コード
    #[arg(long, value_name = "CODE")]
    unit: String,
    /// 利用者ID
    #[arg(long, value_name = "ID")]
    user: String,
    /// 事務コード
    #[arg(long, value_name = "CODE")]
    affair: String,
    /// 見本の住民の番号（0から）。省略すると標準入力から個人番号を読みます
    #[arg(long, value_name = "N")]
    person: Option<u32>,
}

#[derive(Debug, Args)]
pub(super) struct Notify {
    #[command(flatten)]
    asker: Asker,
    /// 異動事由
    #[arg(long, value_enum)]
    reason: Reason,
    /// 異動年月日（yyyy-MM-dd）
    #[arg(long, value_name = "DATE")]
    changed_on: String,
    /// 氏名
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// 住所
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    /// 生年月日（yyyy-MM-dd）
    #[arg(long, value_name = "DATE")]
    birth_date: Option<String>,
    /// 性別
    #[arg(long, value_enum)]
    sex: Option<SexName>,
    /// 個人番号のない人（出生、国外からの転入）を登録する
    #[arg(long, conflicts_with = "person")]
    no_number: bool,
}

#[derive(Debug, Args)]
pub(super) struct LookUp {
    #[command(flatten)]
    asker: Asker,
    /// 利用目的
    #[arg(long, value_enum)]
    purpose: Purpose,
}

#[derive(Debug, Args)]
pub(super) struct Status {
    #[command(flatten)]
    client: ClientOptions,
    /// レコード識別番号
    record_id: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Reason {
    /// 出生
    Birth,
    /// 国外からの転入
    FromAbroad,
    /// 転入
    MovedIn,
    /// 転居
    MovedWithin,
    /// 氏名の変更
    NameChanged,
    /// 職権修正
    Corrected,
    /// 国外への転出
    MovedAbroad,
    /// 死亡
    Died,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SexName {
    /// 女
    Female,
    /// 男
    Male,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Purpose {
    /// 申請者の確認
    Applicant,
    /// 住所の確認
    Address,
    /// 生存の確認
    Survival,
}

impl ResidentsCommand {
    pub(super) fn run(self) -> Result<(), CliFault> {
        on_runtime(async {
            let request = match self {
                Self::Notify(notify) => notify.run().await?,
                Self::LookUp(look_up) => look_up.run(false).await?,
                Self::History(look_up) => look_up.run(true).await?,
                Self::Status(status) => status.run().await?,
            };
            tell(&request.ok_or(CliFault::Said("応答が空です"))?)
        })
    }
}

impl Asker {
    fn by(&self) -> Option<v1::IdentityUser> {
        Some(v1::IdentityUser {
            unit_code: self.unit.clone(),
            user_id: self.user.clone(),
            affair: self.affair.clone(),
        })
    }

    /// 個人番号 of the sample person that was named, or from the input: on a command line it would be seen by others.
    async fn number(&self) -> Result<String, CliFault> {
        if let Some(index) = self.person {
            return Ok(sample_person(&self.client, index).await?.individual_number);
        }
        if std::io::stdin().is_terminal() {
            writeln!(std::io::stderr(), "個人番号を入力してください。")?;
        }
        let mut line = Zeroizing::new(String::new());
        std::io::stdin().read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }
}

impl Notify {
    async fn run(self) -> Result<Option<ResidentRequest>, CliFault> {
        let individual_number = match self.no_number {
            true => String::new(),
            false => self.asker.number().await?,
        };
        let asker = &self.asker;
        let mut service = ResidentServiceClient::new(asker.client.connect().await?);
        let request = asker.client.request(NotifyResidentRequest {
            record_id: asker.record_id.clone(),
            by: asker.by(),
            individual_number,
            reason: reason_of(self.reason).into(),
            changed_on: self.changed_on.clone(),
            four_items: self.items(),
        })?;
        Ok(service.notify_resident(request).await?.into_inner().request)
    }

    /// 基本4情報 as far as they were given; nothing when none was.
    fn items(&self) -> Option<FourItems> {
        let texts = [&self.name, &self.address, &self.birth_date];
        if texts.iter().all(|text| text.is_none()) && self.sex.is_none() {
            return None;
        }
        let [name, address, birth_date] = texts.map(|text| text.clone().unwrap_or_default());
        let sex = self.sex.map_or(v1::Sex::Unspecified, |sex| match sex {
            SexName::Female => v1::Sex::Female,
            SexName::Male => v1::Sex::Male,
        });
        Some(FourItems {
            name,
            address,
            birth_date,
            sex: sex.into(),
        })
    }
}

impl LookUp {
    async fn run(self, history: bool) -> Result<Option<ResidentRequest>, CliFault> {
        let individual_number = self.asker.number().await?;
        let asker = &self.asker;
        let mut service = ResidentServiceClient::new(asker.client.connect().await?);
        let purpose = match self.purpose {
            Purpose::Applicant => IdentityPurpose::ApplicantCheck,
            Purpose::Address => IdentityPurpose::AddressCheck,
            Purpose::Survival => IdentityPurpose::SurvivalCheck,
        };
        let request = asker.client.request(LookUpResidentRequest {
            record_id: asker.record_id.clone(),
            by: asker.by(),
            purpose: purpose.into(),
            individual_number,
            history,
        })?;
        let asked = service.look_up_resident(request).await?;
        Ok(asked.into_inner().request)
    }
}

impl Status {
    async fn run(self) -> Result<Option<ResidentRequest>, CliFault> {
        let mut service = ResidentServiceClient::new(self.client.connect().await?);
        let request = self.client.request(GetResidentRequestRequest {
            record_id: self.record_id,
        })?;
        let got = service.get_resident_request(request).await?;
        Ok(got.into_inner().request)
    }
}

fn tell(request: &ResidentRequest) -> Result<(), CliFault> {
    let mut out = std::io::stdout().lock();
    let state = state_ja(request.state());
    writeln!(out, "{}  {state}  {}", request.record_id, request.message)?;
    if !request.individual_number.is_empty() {
        writeln!(out, "  個人番号（架空） {}", request.individual_number)?;
    }
    for known in &request.identities {
        let (items, reason) = (known.four_items.clone().unwrap_or_default(), known.reason());
        let IdentityInformation {
            municipality,
            changed_on,
            ..
        } = known;
        writeln!(
            out,
            "  {changed_on} {}  {}  {}  {}  {municipality} {}",
            reason_ja(reason),
            items.name,
            items.birth_date,
            sex_ja(items.sex()),
            items.address
        )?;
    }
    Ok(())
}

fn reason_of(reason: Reason) -> ChangeReason {
    match reason {
        Reason::Birth => ChangeReason::Birth,
        Reason::FromAbroad => ChangeReason::FromAbroad,
        Reason::MovedIn => ChangeReason::MovedIn,
        Reason::MovedWithin => ChangeReason::MovedWithin,
        Reason::NameChanged => ChangeReason::NameChanged,
        Reason::Corrected => ChangeReason::Corrected,
        Reason::MovedAbroad => ChangeReason::MovedAbroad,
        Reason::Died => ChangeReason::Died,
    }
}

fn reason_ja(reason: ChangeReason) -> &'static str {
    match reason {
        ChangeReason::Unspecified => "不明",
        ChangeReason::Registered => "当初登録",
        ChangeReason::Birth => "出生",
        ChangeReason::FromAbroad => "国外からの転入",
        ChangeReason::MovedIn => "転入",
        ChangeReason::MovedWithin => "転居",
        ChangeReason::NameChanged => "氏名の変更",
        ChangeReason::Corrected => "職権修正",
        ChangeReason::MovedAbroad => "国外への転出",
        ChangeReason::Died => "死亡",
    }
}

fn sex_ja(sex: v1::Sex) -> &'static str {
    match sex {
        v1::Sex::Unspecified => "不明",
        v1::Sex::Female => "女",
        v1::Sex::Male => "男",
    }
}

fn state_ja(state: State) -> &'static str {
    match state {
        State::Unspecified => "不明",
        State::AtCommunicationServer => "コミュニケーションサーバ",
        State::AtPrefecturalServer => "都道府県サーバ",
        State::AtNationalServer => "全国サーバ",
        State::Done => "終了",
        State::Refused => "不受理",
    }
}
