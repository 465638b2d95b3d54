//! What an institution keeps of its throughput while another one floods.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use chukan::grpc::proto::v1::{SubmitInquiryRequest, inquiry_service_client::InquiryServiceClient};
use clap::Args;
use tokio::task::JoinSet;

use crate::{
    Fault,
    drive::drive,
    exchange::{Subject, connections, inquiry, people_of},
    target::{Target, verify_ledger},
};

/// Who floods: ひかり市.
const FLOODER: &str = "9900000000001300";

/// People in each inquiry of the flood.
const FLOOD_PEOPLE: usize = 100;

/// How a run goes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Plan {
    /// Seconds of each measurement
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Measurements alone, and as many beside the flood
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Exchanges that the institution has under way at one time
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=4096))]
    in_flight: u32,
    /// Callers of the flood, each with a connection and without a pause
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    flood: u32,
    /// People of the world
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(50..=1_000_000))]
    people: u32,
}

/// Measures alone, then beside the flood, and reports.
pub(crate) async fn run(plan: Plan) -> Result<(), Fault> {
    let dir = tempfile::tempdir()?;
    eprintln!("making a world of {} people …", plan.people);
    let target = Target::chukan(dir.path(), plan.people).await?;
    let (calls, _) = connections(&target, plan.in_flight).await?;
    let measurement = Duration::from_secs(plan.seconds);
    drive(&calls, plan.in_flight, measurement).await?;
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..plan.rounds {
        alone.push(rate(&calls, &plan).await?);
    }
    let told = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
    let people: Arc<[Subject]> = people_of(&target, FLOODER).await?.into();
    let mut flood = JoinSet::new();
    for caller in 0..plan.flood {
        let client = InquiryServiceClient::new(target.connect_as(FLOODER).await?);
        flood.spawn(keep_flooding(
            client,
            caller,
            Arc::clone(&people),
            Arc::clone(&told),
        ));
    }
    let before = target.resident_mib();
    for _ in 0..plan.rounds {
        beside.push(rate(&calls, &plan).await?);
    }
    let after = target.resident_mib();
    flood.shutdown().await;
    target.kill().await?;
    let [taken, refused] = [0, 1].map(|at: usize| {
        told.get(at)
            .map_or(0, |count| count.load(Ordering::Relaxed))
    });
    let (alone, beside) = (median(alone), median(beside));
    println!("# Beside a flood\n");
    println!(
        "{} callers with {} under way; a flood of {} callers, {FLOOD_PEOPLE} people in each inquiry, {taken} taken and {refused} refused; {before:.0} MiB before, {after:.0} after.\n",
        plan.in_flight, plan.in_flight, plan.flood
    );
    println!("| alone, exchange/s | beside, exchange/s | kept |\n|---:|---:|---:|");
    println!("| {alone:.0} | {beside:.0} | {:.2} |", beside / alone);
    println!("\nledger: {}", verify_ledger(dir.path()).await?);
    Ok(())
}

async fn rate(calls: &[crate::exchange::ExchangeCall], plan: &Plan) -> Result<f64, Fault> {
    let measured = drive(calls, plan.in_flight, Duration::from_secs(plan.seconds)).await?;
    if let Some(fault) = &measured.fault {
        return Err(fault.clone().into());
    }
    eprintln!("{:.0} exchange/s", measured.rate());
    Ok(measured.rate())
}

async fn keep_flooding(
    mut client: InquiryServiceClient<tonic::transport::Channel>,
    caller: u32,
    people: Arc<[Subject]>,
    told: Arc<[AtomicU64; 2]>,
) {
    let [taken, refused] = &*told;
    for number in 0_u64.. {
        let mut request = SubmitInquiryRequest::default();
        let chosen = people.iter().cycle().skip(caller as usize);
        for (at, person) in chosen.take(FLOOD_PEOPLE).enumerate() {
            let mut one = inquiry(format!("flood-{caller}-{number}-{at}"), person);
            let mut details = std::mem::take(&mut one.details);
            details.append(&mut request.details);
            request = SubmitInquiryRequest { details, ..one };
        }
        match client.submit_inquiry(request).await {
            Ok(_) => taken.fetch_add(1, Ordering::Relaxed),
            Err(_) => refused.fetch_add(1, Ordering::Relaxed),
        };
    }
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or_default()
}
