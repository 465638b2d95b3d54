//! The flags that say what conversations a run holds, whom they are about, and who decides the held ones.

use std::time::Duration;

use clap::{ArgAction, Args};

use crate::{
    approvers::{Staffing, ThinkTime},
    mix::Mix,
    people::Drawn,
    plan::Draw,
};

/// What conversations a run holds, and whom they are about.
#[derive(Debug, Clone, Args)]
pub(crate) struct Whom {
    /// Kinds of conversations and their weights, such as `inquiry=80,batch=5,replicas=5,symbols=5,held=5`
    #[arg(long, value_name = "KIND=WEIGHT,…", default_value = "inquiry=1")]
    pub(crate) mix: Mix,
    /// How people are drawn: `uniform`, `zipf` or `zipf:1.1`
    #[arg(long, default_value = "uniform")]
    pub(crate) people_drawn: Drawn,
    /// Whether the same person may be drawn again; a symbol is acquired once in any case
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = false, default_value_t = false, default_missing_value = "true", action = ArgAction::Set)]
    pub(crate) repeat_people: bool,
    /// 機関コード: ask only about people who live there
    #[arg(long, value_name = "CODE")]
    pub(crate) provider: Option<String>,
    /// Rows of an inquiry file
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) batch_rows: u32,
    /// Rows of a file of replicas
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) replica_rows: u32,
}

impl Whom {
    pub(crate) fn draw(
        &self,
        keep_every: u64,
        seed: u64,
    ) -> Result<Draw, std::num::TryFromIntError> {
        Ok(Draw {
            mix: self.mix.clone(),
            drawn: self.people_drawn,
            again: self.repeat_people,
            batch_rows: usize::try_from(self.batch_rows)?,
            keep_every: usize::try_from(keep_every)?,
            seed,
        })
    }
}

/// Who decides held requests.
#[derive(Debug, Clone, Args)]
pub(crate) struct Staffed {
    /// Superiors who approve held requests; 0: nobody decides, and they wait
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=200))]
    pub(crate) approvers: u32,
    /// Clerks who check them first; as many as superiors where it is not given
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub(crate) clerks: Option<u32>,
    /// How long each looks at a request, in real time whatever the world's clock says: `20s`, `20s±5s` or `200ms`
    #[arg(long, default_value = "20s±5s")]
    pub(crate) think_time: ThinkTime,
    /// Seconds that an inquirer waits for the staff's decision; what is not decided then counts as waiting
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub(crate) patience_s: u64,
}

impl Staffed {
    /// Nothing where nobody decides.
    pub(crate) fn staffing(&self, seed: u64) -> Option<Staffing> {
        (self.approvers > 0).then(|| Staffing {
            clerks: self.clerks.unwrap_or(self.approvers),
            approvers: self.approvers,
            think: self.think_time,
            seed,
        })
    }

    /// How long an inquirer waits; nothing where nobody decides.
    pub(crate) fn patience(&self) -> Option<Duration> {
        (self.approvers > 0).then(|| Duration::from_secs(self.patience_s))
    }
}
