//! The conversations of a run, each of the kind that the plan drew, and what they leave for the comparison afterwards.

mod batch;
mod held;
mod replicas;
mod symbols;

use std::{
    collections::BTreeMap,
    sync::{Arc, mpsc},
    time::Duration,
};

use chukan::grpc::proto::{
    sim::v1::population_service_client::PopulationServiceClient,
    v1::{
        batch_service_client::BatchServiceClient, inquiry_service_client::InquiryServiceClient,
        provision_service_client::ProvisionServiceClient,
        replica_service_client::ReplicaServiceClient, symbol_service_client::SymbolServiceClient,
    },
};
use tonic::{Status, transport::Channel};

pub(crate) use self::replicas::Columns;
use crate::{
    Fault,
    account::End,
    inquiry::{self, Taken},
    mix::Kind,
    open::{Conversation, Terms},
    people::Newcomer,
    plan::{Plan, Step},
    target::Target,
};

/// What a conversation leaves behind.
pub(crate) enum Kept {
    /// An answer to be compared; the kind is inquiry or held.
    Answer(Kind, Taken),
    /// A file of results to be compared.
    Results(batch::Results),
    /// A number of a file whose replicas are to be read back.
    Replicas(u64),
    /// Somebody whose symbol is to be looked up.
    Symbol(Arc<Newcomer>),
    /// From held to decided, as the inquirer sees it.
    Decided(Duration),
    /// The results of the rows of a file, by status code.
    Rows(BTreeMap<String, u64>),
}

/// One connection that holds conversations.
#[derive(Clone)]
pub(crate) struct Talk {
    channel: Channel,
    plan: Arc<Plan>,
    columns: Columns,
    /// How long a held request is waited for beyond the time limit of any conversation; none: not at all.
    patience: Option<Duration>,
    kept: mpsc::Sender<Kept>,
}

impl Talk {
    pub(crate) fn new(
        channel: Channel,
        plan: &Arc<Plan>,
        columns: Columns,
        patience: Option<Duration>,
        kept: mpsc::Sender<Kept>,
    ) -> Self {
        let plan = Arc::clone(plan);
        Self {
            channel,
            plan,
            columns,
            patience,
            kept,
        }
    }

    fn step(&self, number: u64) -> Option<&(Step, bool)> {
        self.plan.steps.get(usize::try_from(number).ok()?)
    }

    /// Leaves something behind for the comparison.
    fn keep(&self, kept: Kept) -> Result<(), End> {
        let sent = self.kept.send(kept);
        sent.map_err(|_| End::Failed("the answer was not kept".into()))
    }

    async fn inquire(&self, number: u64) -> Result<End, End> {
        let Some((step, keep)) = self.step(number) else {
            return Err(End::Failed("nothing to do".into()));
        };
        match step {
            Step::Inquiry(subject) => {
                let mut client = InquiryServiceClient::new(self.channel.clone());
                let inquiry = inquiry::ask(&mut client, number, subject).await?;
                let (end, answer) = inquiry::end(inquiry)?;
                if let Some(answer) = answer.filter(|_| *keep) {
                    let subject = Arc::clone(subject);
                    self.keep(Kept::Answer(Kind::Inquiry, Taken { subject, answer }))?;
                }
                Ok(end)
            }
            Step::Batch(people) => {
                let client = BatchServiceClient::new(self.channel.clone());
                let (rows, results) = batch::hold(client, number, people, *keep).await?;
                self.keep(Kept::Rows(rows))?;
                if let Some(results) = results {
                    self.keep(Kept::Results(results))?;
                }
                Ok(End::Answered("every row".into()))
            }
            Step::Replicas => {
                let client = ReplicaServiceClient::new(self.channel.clone());
                replicas::hold(client, number, &self.columns).await?;
                if *keep {
                    self.keep(Kept::Replicas(number))?;
                }
                Ok(End::Answered("taken over".into()))
            }
            Step::Symbols(newcomer) => {
                let symbols = SymbolServiceClient::new(self.channel.clone());
                let population = PopulationServiceClient::new(self.channel.clone());
                let end = symbols::hold(symbols, population, newcomer).await?;
                if *keep {
                    self.keep(Kept::Symbol(Arc::clone(newcomer)))?;
                }
                Ok(end)
            }
            Step::Held(subject) => {
                let client = InquiryServiceClient::new(self.channel.clone());
                let ended = held::hold(client, number, subject, self.patience).await?;
                if let Some(after) = ended.decided {
                    self.keep(Kept::Decided(after))?;
                }
                if let Some(answer) = ended.answer.filter(|_| *keep) {
                    let subject = Arc::clone(subject);
                    self.keep(Kept::Answer(Kind::Held, Taken { subject, answer }))?;
                }
                Ok(ended.end)
            }
        }
    }
}

impl Conversation for Talk {
    fn terms(&self, number: u64) -> Terms {
        let Some((step, _)) = self.step(number) else {
            return Terms::default();
        };
        let kind = step.kind();
        Terms {
            kind,
            exchanges: step.exchanges(),
            patience: match kind {
                Kind::Held => self.patience.unwrap_or_default(),
                Kind::Inquiry | Kind::Batch | Kind::Replicas | Kind::Symbols => Duration::ZERO,
            },
        }
    }

    async fn hold(self, number: u64) -> End {
        match self.inquire(number).await {
            Ok(end) | Err(end) => end,
        }
    }
}

/// The call and the code only: a message can quote what was sent.
pub(crate) fn failed(call: &str, status: &Status) -> End {
    End::Failed(format!("{call}: {:?}", status.code()))
}

/// Makes the world as the plan needs it: flags on the people whose requests are to be held, nobody linked whose symbol is to
/// be acquired.
pub(crate) async fn prepare(target: &Target, plan: &Plan) -> Result<(), Fault> {
    if let Some(provider) = &plan.held_at {
        let client = ProvisionServiceClient::new(target.connect_as(provider).await?);
        held::flag(client, plan.held()).await?;
    }
    let client = SymbolServiceClient::new(target.connect().await?);
    symbols::unlink(client, plan.newcomers()).await
}

/// What the comparison found, by kind.
#[derive(Debug, Clone, Default)]
pub(crate) struct Compared {
    /// How many were compared, and how many of them differ from what they should be.
    pub(crate) of: BTreeMap<Kind, (u64, u64)>,
    /// The results of the rows of files, by status code.
    pub(crate) rows: BTreeMap<String, u64>,
    /// From held to decided.
    pub(crate) decided: Vec<Duration>,
}

impl Compared {
    fn add(&mut self, kind: Kind, (compared, differ): (u64, u64)) {
        let of = self.of.entry(kind).or_default();
        of.0 += compared;
        of.1 += differ;
    }
}

/// Compares what was kept with what the server holds: answers and rows with the providers' replicas, replicas with the
/// lines that were sent, symbols with what the intermediate server says of the person.
pub(crate) async fn compare(
    target: &Target,
    columns: &Columns,
    kept: impl IntoIterator<Item = Kept>,
) -> Result<Compared, Fault> {
    let mut found = Compared::default();
    let mut answers: BTreeMap<Kind, Vec<Taken>> = BTreeMap::new();
    for kept in kept {
        match kept {
            Kept::Answer(kind, taken) => answers.entry(kind).or_default().push(taken),
            Kept::Decided(after) => found.decided.push(after),
            Kept::Rows(rows) => {
                for (code, count) in rows {
                    *found.rows.entry(code).or_default() += count;
                }
            }
            Kept::Results(results) => {
                found.add(Kind::Batch, batch::compare(target, &results).await?);
            }
            Kept::Replicas(number) => {
                found.add(
                    Kind::Replicas,
                    replicas::compare(target, columns, number).await?,
                );
            }
            Kept::Symbol(newcomer) => {
                let linked = symbols::is_linked(target, &newcomer).await?;
                found.add(Kind::Symbols, (1, u64::from(!linked)));
            }
        }
    }
    for (kind, answers) in answers {
        let differ = inquiry::compare(target, &answers).await?;
        found.add(kind, (u64::try_from(answers.len())?, differ));
    }
    Ok(found)
}
