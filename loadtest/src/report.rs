//! What a run found, as text and a Markdown table.

use crate::{Fault, Plan, drive::Measured};

/// A measurement, and how many processors its server kept busy.
type WithBusy = (Measured, Option<f64>);

/// The two measurements of one round.
pub(crate) struct Round {
    pub(crate) yardstick: WithBusy,
    pub(crate) measured: WithBusy,
}

impl Round {
    /// Exchanges to echoes.
    pub(crate) fn ratio(&self) -> f64 {
        self.measured.0.rate() / self.yardstick.0.rate()
    }

    /// The round in a line.
    pub(crate) fn line(&self) -> String {
        format!(
            "echo {:.0}/s, exchange {:.0}/s, ratio {:.4}",
            self.yardstick.0.rate(),
            self.measured.0.rate(),
            self.ratio()
        )
    }
}

/// Prints the whole run.
pub(crate) fn print(plan: &Plan, rounds: &[Round], ledger: &str) {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("# Complete exchanges beside the mutual-TLS echo of 1 KiB\n");
    println!(
        "{cores} cores, {} connections, {} calls under way, closed model, {} rounds of {} s each, {} people.",
        plan.connections, plan.in_flight, plan.rounds, plan.seconds, plan.people
    );
    println!("Generator and servers share the machine.\n");
    println!("| | echo/s | exchange/s | ratio |");
    println!("|---|---:|---:|---:|");
    let rows = [
        ("minimum", quantile(0.0, rounds)),
        ("median", quantile(0.5, rounds)),
        ("maximum", quantile(1.0, rounds)),
    ];
    for (name, [echo, exchange, ratio]) in rows {
        println!("| {name} | {echo:.0} | {exchange:.0} | {ratio:.4} |");
    }
    println!(
        "\n| latency in ms | p50 | p90 | p99 | max | server's processors | of them per call, ms |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|");
    latency("echo", rounds.iter().map(|round| &round.yardstick));
    latency("exchange", rounds.iter().map(|round| &round.measured));
    println!("\nledger: {ledger}");
}

/// The value at `at` (0 to 1) of each column, each sorted by itself.
fn quantile(at: f64, rounds: &[Round]) -> [f64; 3] {
    let columns: [fn(&Round) -> f64; 3] = [
        |round| round.yardstick.0.rate(),
        |round| round.measured.0.rate(),
        Round::ratio,
    ];
    columns.map(|column| {
        let mut values: Vec<_> = rounds.iter().map(column).collect();
        values.sort_by(f64::total_cmp);
        let last = values.len().saturating_sub(1);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a place in a list of at most 100"
        )]
        let place = (at * last as f64).round() as usize;
        values.get(place).copied().unwrap_or_default()
    })
}

fn latency<'a>(name: &str, measurements: impl Iterator<Item = &'a WithBusy>) {
    let mut measurements = measurements.peekable();
    let Some((first, _)) = measurements.peek() else {
        return;
    };
    let mut all = first.latency.clone();
    all.clear();
    let (mut busy, mut cost_ms) = (Vec::new(), Vec::new());
    for (measured, processors) in measurements {
        if all.add(&measured.latency).is_err() {
            return;
        }
        busy.extend(*processors);
        cost_ms.extend(processors.map(|processors| 1_000.0 * processors / measured.rate()));
    }
    let ms = |quantile: f64| {
        let us = u32::try_from(all.value_at_quantile(quantile)).unwrap_or(u32::MAX);
        f64::from(us) / 1_000.0
    };
    let (busy, cost_ms) = (median(busy), median(cost_ms));
    println!(
        "| {name} | {:.2} | {:.2} | {:.2} | {:.2} | {busy:.2} | {cost_ms:.3} |",
        ms(0.5),
        ms(0.9),
        ms(0.99),
        ms(1.0)
    );
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Checks that everything that was sent has ended, and ended well.
pub(crate) fn balance(rounds: &[Round], sent: usize) -> Result<(), Fault> {
    let ended: u64 = rounds
        .iter()
        .flat_map(|round| round.measured.0.ends.values())
        .sum();
    let faults: u64 = rounds.iter().map(|round| round.measured.0.faults).sum();
    println!("exchanges: {sent} sent = {ended} ended with an answer + {faults} failed");
    let yardstick: u64 = rounds.iter().map(|round| round.yardstick.0.faults).sum();
    let first = rounds
        .iter()
        .flat_map(|round| [&round.yardstick.0.fault, &round.measured.0.fault])
        .flatten()
        .next();
    if let Some(fault) = first {
        return Err(format!("{} calls failed; the first: {fault}", faults + yardstick).into());
    }
    if u64::try_from(sent) == Ok(ended) {
        Ok(())
    } else {
        Err("not every exchange that was sent has ended".into())
    }
}
