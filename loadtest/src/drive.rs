//! Drives calls in a closed model and measures each.

use std::{
    collections::BTreeMap,
    future::Future,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use crate::Fault;

/// The longest latency that is told apart, in microseconds.
const LATENCY_US_MAX: u64 = 120_000_000;

/// One kind of call, with the connection it uses.
pub(crate) trait Call: Clone + Send + 'static {
    /// Makes the call; says how it ended.
    fn call(&mut self) -> impl Future<Output = Result<&'static str, Fault>> + Send;
}

/// What a measurement found.
pub(crate) struct Measured {
    pub(crate) took: Duration,
    /// Latencies in microseconds.
    pub(crate) latency: Histogram<u64>,
    /// How the calls ended.
    pub(crate) ends: BTreeMap<&'static str, u64>,
    /// The first fault, where there was one.
    pub(crate) fault: Option<String>,
    pub(crate) faults: u64,
}

impl Measured {
    /// Calls per second.
    pub(crate) fn rate(&self) -> f64 {
        let calls = self.ends.values().sum::<u64>();
        f64::from(u32::try_from(calls).unwrap_or(u32::MAX)) / self.took.as_secs_f64()
    }
}

/// Keeps `in_flight` calls under way for `measurement`, spread over the given connections.
pub(crate) async fn drive<C: Call>(
    connections: &[C],
    in_flight: u32,
    measurement: Duration,
) -> Result<Measured, Fault> {
    let began = Instant::now();
    let until = began + measurement;
    let mut places = JoinSet::new();
    for (_, connection) in (0..in_flight).zip(connections.iter().cycle()) {
        places.spawn(keep_calling(connection.clone(), until));
    }
    let mut all = empty()?;
    while let Some(place) = places.join_next().await {
        let place = place??;
        all.latency.add(&place.latency)?;
        all.faults += place.faults;
        all.fault = all.fault.or(place.fault);
        for (end, count) in place.ends {
            *all.ends.entry(end).or_default() += count;
        }
    }
    all.took = began.elapsed();
    Ok(all)
}

fn empty() -> Result<Measured, Fault> {
    Ok(Measured {
        took: Duration::ZERO,
        latency: Histogram::new_with_bounds(1, LATENCY_US_MAX, 3)?,
        ends: BTreeMap::new(),
        fault: None,
        faults: 0,
    })
}

async fn keep_calling<C: Call>(mut call: C, until: Instant) -> Result<Measured, Fault> {
    let mut measured = empty()?;
    loop {
        let began = Instant::now();
        if began >= until {
            return Ok(measured);
        }
        match call.call().await {
            Ok(end) => *measured.ends.entry(end).or_default() += 1,
            Err(fault) => {
                measured.faults += 1;
                measured.fault.get_or_insert(fault.to_string());
            }
        }
        let took = u64::try_from(began.elapsed().as_micros()).unwrap_or(LATENCY_US_MAX);
        measured.latency.saturating_record(took);
    }
}
