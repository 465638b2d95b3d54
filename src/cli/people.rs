//! `chukan people show|find|number`: the synthetic people of a world.

use std::io::Write as _;

use clap::{Args, Subcommand};

use super::{client::ClientOptions, fault::CliFault, start::on_runtime};
use crate::grpc::proto::sim::v1::{
    ListPeopleRequest, NumberPeopleRequest, SamplePerson,
    population_service_client::PopulationServiceClient,
};

/// The most people in one page.
const PAGE_SIZE: i32 = 1_000;

#[derive(Debug, Subcommand)]
pub(super) enum PeopleCommand {
    /// 番号（0から）で見本の住民を表示する
    Show(Show),
    /// 氏名、個人番号または団体内統合宛名番号の一部から見本の住民を探す
    Find(Find),
    /// 見本の住民を自機関の団体内統合宛名システムに登録する（宛名番号は住民の番号）
    Number(Number),
}

#[derive(Debug, Args)]
pub(super) struct Number {
    #[command(flatten)]
    client: ClientOptions,
    /// 業務システムの名前
    #[arg(long, value_name = "NAME")]
    system: String,
    /// 最初の住民の番号
    #[arg(long, value_name = "N", default_value_t = 0)]
    first: u32,
    /// 人数
    #[arg(long, value_name = "N")]
    count: u32,
    /// 取得済みの符号の紐付けを解除する
    #[arg(long)]
    unlink: bool,
}

impl Number {
    async fn run(self) -> Result<(), CliFault> {
        let mut service = PopulationServiceClient::new(self.client.connect().await?);
        let request = self.client.request(NumberPeopleRequest {
            system: self.system,
            first: self.first,
            count: self.count,
            unlink: self.unlink,
        })?;
        service.number_people(request).await?;
        Ok(writeln!(
            std::io::stdout(),
            "{}人を登録しました。",
            self.count
        )?)
    }
}

#[derive(Debug, Args)]
pub(super) struct Show {
    #[command(flatten)]
    client: ClientOptions,
    /// 住民の番号
    index: u32,
}

#[derive(Debug, Args)]
pub(super) struct Find {
    #[command(flatten)]
    client: ClientOptions,
    /// 探す文字
    text: String,
}

impl PeopleCommand {
    pub(super) fn run(self) -> Result<(), CliFault> {
        on_runtime(async {
            let found = match self {
                Self::Show(Show { client, index }) => {
                    search(&client, Some(index), |person| person.index == index).await?
                }
                Self::Find(Find { client, text }) => {
                    search(&client, None, |person| fits(person, &text)).await?
                }
                Self::Number(number) => return number.run().await,
            };
            if found.is_empty() {
                return Err(CliFault::Said("該当する住民がいません"));
            }
            let mut out = std::io::stdout().lock();
            for person in &found {
                writeln!(
                    out,
                    "{}  {}  {}  個人番号（架空） {}  住所地 {}  {}",
                    person.index,
                    person.name,
                    person.birth_date,
                    person.individual_number,
                    person.home,
                    person.situation
                )?;
                writeln!(out, "    ポータル利用者トークン {}", person.portal_token)?;
                for at in &person.institutions {
                    writeln!(
                        out,
                        "    {}  団体内統合宛名番号 {}",
                        at.institution, at.addressee_number
                    )?;
                }
            }
            Ok(())
        })
    }
}

/// The sample person of this number.
pub(super) async fn sample_person(
    client: &ClientOptions,
    index: u32,
) -> Result<SamplePerson, CliFault> {
    let found = search(client, Some(index), |person| person.index == index).await?;
    let found = found.into_iter().next();
    found.ok_or(CliFault::Said("該当する住民がいません"))
}

/// The people that fit; the page with `first` is enough where it is given.
async fn search(
    client: &ClientOptions,
    first: Option<u32>,
    fits: impl Fn(&SamplePerson) -> bool,
) -> Result<Vec<SamplePerson>, CliFault> {
    let mut service = PopulationServiceClient::new(client.connect().await?);
    // The token of a page is the index of its first person; the first page has none.
    let mut page_token = first
        .filter(|first| *first > 0)
        .map(|first| first.to_string());
    let mut found = Vec::new();
    loop {
        let wanted = ListPeopleRequest {
            page_size: first.map_or(PAGE_SIZE, |_| 1),
            page_token: page_token.unwrap_or_default(),
        };
        let page = service.list_people(client.request(wanted)?).await?;
        let page = page.into_inner();
        found.extend(page.people.into_iter().filter(&fits));
        if page.next_page_token.is_empty() || first.is_some() {
            return Ok(found);
        }
        page_token = Some(page.next_page_token);
    }
}

fn fits(person: &SamplePerson, text: &str) -> bool {
    let mut numbers = person.institutions.iter();
    person.name.contains(text)
        || person.individual_number.contains(text)
        || numbers.any(|at| at.addressee_number.contains(text))
}
