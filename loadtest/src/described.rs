//! What a run was meant to be, and where: for a person in a line, and as JSON that a later run is compared with.

use serde_json::{Value, json};

use crate::run::Run;

/// What the run was meant to be, in a line.
pub(crate) fn planned(run: &Run) -> String {
    format!(
        "{}, seed {}, {} connections, {}; {} people, drawn {}{}.",
        run.offered(),
        run.seed,
        run.connections,
        run.whom.mix,
        run.people,
        run.whom.people_drawn,
        if run.whom.repeat_people {
            ", again and again"
        } else {
            ", nobody twice"
        },
    )
}

/// The machine and the build, in a line.
pub(crate) fn environment() -> String {
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    let build = if cfg!(debug_assertions) {
        "debug"
    } else {
        "release"
    };
    format!(
        "Chukan {}, {} {}, {processors} processors, {build} build",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH
    )
}

/// The plan of a run and the machine it runs on, under `plan` and `environment`.
pub(crate) fn describe(run: &Run) -> Value {
    json!({
        "plan": {
            "shape": format!("{:?}", run.shape), "rate": run.rate, "seconds": run.seconds,
            "arrivals": format!("{:?}", run.arrivals), "seed": run.seed, "people": run.people,
            "mix": run.whom.mix.to_string(), "people_drawn": run.whom.people_drawn.to_string(),
            "repeat_people": run.whom.repeat_people, "provider": run.whom.provider,
            "batch_rows": run.whom.batch_rows, "replica_rows": run.whom.replica_rows, "closed": run.closed,
            "approvers": run.staffed.approvers, "clerks": run.staffed.clerks,
            "think_time": run.staffed.think_time.to_string(), "patience_s": run.staffed.patience_s,
            "connections": run.connections,
            "timeout_ms": run.timeout_ms, "under_way": run.under_way,
        },
        "environment": {
            "version": env!("CARGO_PKG_VERSION"), "os": std::env::consts::OS,
            "architecture": std::env::consts::ARCH, "debug_build": cfg!(debug_assertions),
            "processors": std::thread::available_parallelism().map_or(0, usize::from),
        },
    })
}
