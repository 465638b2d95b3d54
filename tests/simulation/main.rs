//! Random lives of exchanges in one process: after each step, what must always hold is checked.
//!
//! `CHUKAN_SIMULATION_CASES` says how many lives (48), `CHUKAN_SIMULATION_SEED` which; the seed is printed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod ask;
mod damage;
mod invariants;
mod life;
mod step;

use std::env;

use proptest::{
    collection::vec,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use life::Life;

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok().map(|text| text.parse().unwrap())
}

#[test]
fn whatever_happens_no_answer_leaves_unlawfully_or_off_the_record() {
    let cases = number("CHUKAN_SIMULATION_CASES").unwrap_or(48);
    let seed = number("CHUKAN_SIMULATION_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    eprintln!("CHUKAN_SIMULATION_SEED={seed} CHUKAN_SIMULATION_CASES={cases}");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config {
        cases: u32::try_from(cases).unwrap(),
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let lives = TestRunner::new_with_rng(config, rng).run(&vec(step::any(), 1..24), |steps| {
        runtime.block_on(async {
            let mut life = Life::begin().await;
            for step in steps {
                life.take(step).await;
                invariants::hold(&mut life);
            }
            life.end().await;
        });
        Ok(())
    });
    lives.unwrap_or_else(|failed| panic!("seed {seed}: {failed}"));
}
