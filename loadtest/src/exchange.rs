//! Complete exchanges: submit an inquiry and wait for its answer, each about another person.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chukan::grpc::proto::{
    sim::v1::{
        ListPeopleRequest, SamplePerson, population_service_client::PopulationServiceClient,
    },
    v1::{
        InquiryDetailRequest, SpecificInfoRequest, SubmitInquiryRequest, WaitInquiryRequest,
        inquiry_service_client::InquiryServiceClient,
    },
};
use tonic::transport::Channel;

use crate::{
    Fault, Plan,
    drive::{Call, Measured, drive},
    echo::EchoCall,
    report,
    target::{INQUIRER, Target, verify_ledger},
};

/// The first people of a population show special situations.
const SPECIAL_PEOPLE: u32 = 12;

/// The most people of one page.
const PAGE: i32 = 1_000;

/// Somebody to ask about.
pub(crate) struct Subject {
    /// At the inquirer.
    pub(crate) addressee_number: String,
    /// The provider.
    pub(crate) home: String,
    /// At the provider.
    pub(crate) number_at_home: String,
}

/// One complete exchange.
#[derive(Clone)]
pub(crate) struct ExchangeCall {
    client: InquiryServiceClient<Channel>,
    people: Arc<[Subject]>,
    sent: Arc<AtomicUsize>,
    run: Arc<str>,
}

/// Measures echo and exchange in turn, and reports.
pub(crate) async fn run(plan: Plan) -> Result<(), Fault> {
    let (rounds, sent, ledger) = rounds(&plan).await?;
    report::print(&plan, &rounds, &ledger);
    report::balance(&rounds, sent)
}

/// Measures echo and exchange in turn; how many exchanges were sent, and what the verification of the ledger said.
pub(crate) async fn rounds(plan: &Plan) -> Result<(Vec<report::Round>, usize, String), Fault> {
    let dir = tempfile::tempdir()?;
    eprintln!("making a world of {} people …", plan.people);
    let chukan = Target::chukan(dir.path(), plan.people).await?;
    let echo = Target::echo(&dir.path().join("pki")).await?;
    let (exchanges, sent) = connections(&chukan, plan.connections).await?;
    let mut echoes = Vec::new();
    for _ in 0..plan.connections {
        echoes.push(EchoCall::new(echo.connect().await?));
    }
    let mut rounds = Vec::new();
    for round in 1..=plan.rounds {
        let yardstick = measure(&echo, &echoes, plan).await?;
        let measured = measure(&chukan, &exchanges, plan).await?;
        let pair = report::Round {
            yardstick,
            measured,
        };
        eprintln!("round {round} of {}: {}", plan.rounds, pair.line());
        rounds.push(pair);
    }
    echo.stop().await?;
    chukan.stop().await?;
    let ledger = verify_ledger(dir.path()).await?;
    Ok((rounds, sent.load(Ordering::Relaxed), ledger))
}

/// Connections that make exchanges, and how many they have made.
pub(crate) async fn connections(
    target: &Target,
    connections: u32,
) -> Result<(Vec<ExchangeCall>, Arc<AtomicUsize>), Fault> {
    let people: Arc<[Subject]> = people(target).await?.into();
    let sent = Arc::new(AtomicUsize::new(0));
    // Record ids are unique for all time, also beside those of an earlier run on the same world.
    let run: Arc<str> = format!("load{:08x}", rand::random::<u32>()).into();
    let mut exchanges = Vec::new();
    for _ in 0..connections {
        exchanges.push(ExchangeCall {
            client: InquiryServiceClient::new(target.connect().await?),
            people: Arc::clone(&people),
            sent: Arc::clone(&sent),
            run: Arc::clone(&run),
        });
    }
    Ok((exchanges, sent))
}

/// Makes exchanges for a moment; every one must end well.
pub(crate) async fn some(target: &Target) -> Result<(), Fault> {
    let (connections, _) = connections(target, 1).await?;
    let measured = drive(&connections, 1, Duration::from_millis(200)).await?;
    match measured.fault {
        Some(fault) => Err(fault.into()),
        None if measured.ends.is_empty() => Err("no exchange has ended".into()),
        None => Ok(()),
    }
}

/// A measurement, and how many processors the server kept busy meanwhile.
async fn measure<C: Call>(
    target: &Target,
    connections: &[C],
    plan: &Plan,
) -> Result<(Measured, Option<f64>), Fault> {
    let before = target.cpu_seconds();
    let measured = drive(connections, plan.in_flight, plan.measurement()).await?;
    let after = target.cpu_seconds();
    let busy = before
        .zip(after)
        .map(|(before, after)| (after - before) / measured.took.as_secs_f64());
    Ok((measured, busy))
}

/// The ordinary people whom the inquirer knows and whose data is elsewhere.
pub(crate) async fn people(target: &Target) -> Result<Vec<Subject>, Fault> {
    people_of(target, INQUIRER).await
}

/// The same of another inquirer.
pub(crate) async fn people_of(target: &Target, inquirer: &str) -> Result<Vec<Subject>, Fault> {
    let people = sample_people(target).await?.into_iter();
    let people = people.filter(|person| person.home != inquirer);
    Ok(people
        .filter_map(|person| subject(person, inquirer))
        .collect())
}

/// Every person without a special situation.
pub(crate) async fn sample_people(target: &Target) -> Result<Vec<SamplePerson>, Fault> {
    let mut client = PopulationServiceClient::new(target.connect().await?);
    let (mut found, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListPeopleRequest {
            page_size: PAGE,
            page_token,
        };
        let page = client.list_people(request).await?.into_inner();
        let ordinary = |person: &SamplePerson| person.index >= SPECIAL_PEOPLE;
        found.extend(page.people.into_iter().filter(ordinary));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(found);
        }
    }
}

/// A person to ask about at home; nobody where the inquirer does not know the person.
pub(crate) fn subject(person: SamplePerson, inquirer: &str) -> Option<Subject> {
    let number_at = |institution: &str| {
        let mut known = person.institutions.iter();
        let known = known.find(|known| known.institution == institution)?;
        Some(known.addressee_number.clone())
    };
    Some(Subject {
        addressee_number: number_at(inquirer)?,
        number_at_home: number_at(&person.home)?,
        home: person.home,
    })
}

impl Call for ExchangeCall {
    async fn call(&mut self) -> Result<&'static str, Fault> {
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        let at = number % self.people.len().max(1);
        let person = self.people.get(at).ok_or("nobody to ask about")?;
        let request = inquiry(format!("{}-{number}", self.run), person);
        let accepted = self.client.submit_inquiry(request).await?.into_inner();
        let waited = self
            .client
            .wait_inquiry(WaitInquiryRequest {
                receipt_number: accepted.receipt_number,
                timeout: None,
            })
            .await?
            .into_inner();
        let detail = waited
            .inquiry
            .and_then(|inquiry| inquiry.details.into_iter().next());
        let info = detail.and_then(|detail| detail.specific_infos.into_iter().next());
        let info = info.ok_or("the inquiry has no result")?;
        let code = info.result.map(|result| result.status_code);
        match (code.as_deref(), info.answer) {
            (Some("01"), Some(_)) => Ok("01 ended normally"),
            (Some("41"), Some(_)) => Ok("41 partly provided"),
            (code, _) => Err(format!("ended with {code:?} and no answer").into()),
        }
    }
}

/// An inquiry about a person's resident tax.
pub(crate) fn inquiry(record_id: String, person: &Subject) -> SubmitInquiryRequest {
    SubmitInquiryRequest {
        requested_at: Some(prost_types::Timestamp {
            seconds: REQUESTED_AT_S,
            nanos: 0,
        }),
        unit_code: "FUKUSHI".into(),
        user_id: "load".into(),
        affair: "JM01000000121000".into(),
        procedure: "JT01010000000214".into(),
        details: vec![InquiryDetailRequest {
            record_id,
            addressee_number: person.addressee_number.clone(),
            nondisclosure: false,
            specific_infos: vec![SpecificInfoRequest {
                provider: person.home.clone(),
                specific_info: SPECIFIC_INFO.into(),
                ..Default::default()
            }],
        }],
        ..Default::default()
    }
}

/// What every inquiry asks for: 地方税関係情報.
pub(crate) const SPECIFIC_INFO: &str = "TM00000000000002";

/// 2026-04-01T00:00:00+09:00: the time that business systems put on a request is only recorded.
pub(crate) const REQUESTED_AT_S: i64 = 1_774_969_200;
