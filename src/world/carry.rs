//! Carries the messages of an exchange between the institutions and the network: one exchange, top to bottom.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tracing::Instrument;

use super::{World, WorldFault, journal::Step};
use crate::{
    domain::{
        exchange::{ExchangeRequest, Outcome, ProvisionReply, Relayed, Subject},
        inquiry::{Asked, Inquiry},
        names::{PermitId, ProcessingSerial},
        provision::Provision,
        result::ResultCode,
    },
    institution::{IntermediateServer, Prepared},
    network::Issued,
};

impl World {
    /// Carries every exchange of an accepted inquiry that has not ended, many at a time; those that need not wait for their
    /// provider first.
    pub(super) async fn carry_inquiry(self: Arc<Self>, inquiry: Arc<Inquiry>) {
        let plan = self.core.plan();
        let asked = |(serial, _, asked): (_, _, &Asked)| (asked.provider, serial);
        let mut exchanges: Vec<_> = inquiry.exchanges().map(asked).collect();
        exchanges.sort_by_key(|(provider, _)| plan.provider(*provider).delay_ms);
        for (provider, serial) in exchanges {
            if !self.may_go(provider, inquiry.accepted_at).await {
                return;
            }
            if !self.has_room().await {
                return;
            }
            let place = self.places.take(inquiry.inquirer).await;
            let (world, inquiry) = (Arc::clone(&self), Arc::clone(&inquiry));
            let span = tracing::info_span!("exchange", %serial);
            let carried = async move {
                if let Err(fault) = world.carry_exchange(&inquiry, serial).await {
                    let error = &fault as &dyn std::error::Error;
                    tracing::error!(error, "an exchange stopped");
                }
                drop(place);
            };
            self.tasks.spawn(carried.instrument(span));
        }
    }

    async fn carry_exchange(
        &self,
        inquiry: &Inquiry,
        serial: ProcessingSerial,
    ) -> Result<(), WorldFault> {
        let inquirer = self.server(inquiry.inquirer)?;
        if inquirer.has_moved(serial)? {
            return Ok(());
        }
        let Some((detail, asked)) = inquiry.exchange(serial) else {
            return Ok(());
        };
        let subject = inquiry.subject(serial, detail, asked);
        let mut steps = Steps::new(self);
        let prepared = inquirer.prepare_exchange(inquiry, (serial, detail, asked), self.now())?;
        let (symbol, relayed, answered) = match prepared {
            Prepared::Cancelled => return Ok(()),
            Prepared::Ended(outcome, why) => {
                steps.add(inquirer.code().as_str(), "check_request", why, &outcome);
                let symbol = inquirer.symbol_of(serial)?;
                (symbol, Relayed::without_permit(outcome), None)
            }
            Prepared::Send(request, permission) => {
                let rule = format!("自機関の照会許可照合リスト {}", permission.row());
                steps.passed(
                    inquirer.code().as_str(),
                    "check_request",
                    &rule,
                    "照会を許可",
                );
                inquirer.sent_to_provider(serial);
                let (relayed, answered) = self.through_the_network(&request, &mut steps).await?;
                (Some(request.symbol), relayed, answered)
            }
        };
        let ended = match &relayed.reply {
            ProvisionReply::Ended(outcome, _) => Some(outcome.clone()),
            ProvisionReply::Held => None,
        };
        let received = inquirer
            .receive_answer(&subject, symbol, relayed, self.now())
            .await?;
        if let Some(provision) = answered {
            let provider = self.server(subject.provider)?;
            provider.settle_answered(*provision).await?;
        }
        steps.finish(inquirer.code().as_str(), "receive_answer", ended.as_ref());
        let code = ended.map_or(ResultCode::WaitingForStaff, |outcome| outcome.code);
        self.tally.count(code);
        tracing::info!(result = code.status_code(), "an exchange ended or is held");
        // Before anybody hears of the end: whoever does may ask for the steps.
        self.journal.add(serial, steps.done);
        inquirer.announce(serial, received, self.now()).await?;
        Ok(())
    }

    /// The core system's part: permit, provider, record, and back. Returns also what the provider keeps until the
    /// inquirer has it.
    async fn through_the_network(
        &self,
        request: &ExchangeRequest,
        steps: &mut Steps<'_>,
    ) -> Result<(Relayed, Option<Box<Provision>>), WorldFault> {
        let subject = &request.subject;
        let issued = self.core.issue_permit_among_others(request, self.now());
        match issued.await? {
            Issued::Refused(outcome, why) => {
                steps.add("core", "issue_permit", why, &outcome);
                self.record_at_core(subject, &outcome, None, steps).await?;
                Ok((Relayed::without_permit(outcome), None))
            }
            Issued::Order {
                order,
                permit_id,
                permission_row,
                legal_basis,
            } => {
                let rule = format!("照会許可照合リスト {permission_row}（{legal_basis}）");
                steps.passed("core", "issue_permit", &rule, "情報提供許可証を発行");
                let provider = self.server(subject.provider)?;
                let decided = provider.provide(&order, self.now()).await?;
                steps.provided(provider, &decided.reply, &decided.rule);
                let permit = Some((permit_id, permission_row));
                if let ProvisionReply::Ended(outcome, _) = &decided.reply {
                    self.record_at_core(subject, outcome, permit.clone(), steps)
                        .await?;
                }
                let relayed = Relayed {
                    reply: decided.reply,
                    permit,
                };
                Ok((relayed, decided.answered))
            }
        }
    }

    pub(super) async fn record_at_core(
        &self,
        subject: &Subject,
        outcome: &Outcome,
        permit: Option<(PermitId, String)>,
        steps: &mut Steps<'_>,
    ) -> Result<(), WorldFault> {
        self.core
            .record_exchange(subject, outcome, permit, self.now())
            .await?;
        steps.passed(
            "core",
            "record_exchange",
            "番号法第23条第3項",
            "情報提供等記録を保存",
        );
        Ok(())
    }
}

/// Measures the steps of one exchange.
pub(super) struct Steps<'a> {
    world: &'a World,
    began: Timestamp,
    since: Instant,
    pub(super) done: Vec<Step>,
}

impl<'a> Steps<'a> {
    pub(super) fn new(world: &'a World) -> Self {
        Self {
            world,
            began: world.now(),
            since: Instant::now(),
            done: Vec::new(),
        }
    }

    fn passed(&mut self, actor: &str, act: &'static str, rule: &str, outcome: &str) {
        let took = self.lap();
        self.done.push(Step {
            at: self.began,
            took,
            actor: actor.to_owned(),
            act,
            rule: rule.to_owned(),
            outcome: outcome.to_owned(),
        });
        self.began = self.world.now();
    }

    pub(super) fn add(&mut self, actor: &str, act: &'static str, rule: &str, outcome: &Outcome) {
        let code = outcome.code;
        let text = format!("{} {}", code.status_code(), code.message_ja());
        self.passed(actor, act, rule, &text);
    }

    fn provided(&mut self, provider: &IntermediateServer, reply: &ProvisionReply, rule: &str) {
        let actor = provider.code();
        match reply {
            ProvisionReply::Ended(outcome, _) => {
                self.add(actor.as_str(), "provide", rule, outcome);
            }
            ProvisionReply::Held => {
                self.passed(actor.as_str(), "provide", rule, "職員の確認待ちとして保留");
            }
        }
    }

    pub(super) fn finish(&mut self, actor: &str, act: &'static str, ended: Option<&Outcome>) {
        match ended {
            Some(outcome) => self.add(actor, act, "番号法第23条第1項", outcome),
            None => self.passed(actor, act, "終了していないため、記録はまだない", "確認待ち"),
        }
    }

    fn lap(&mut self) -> Duration {
        let took = self.since.elapsed();
        self.since = Instant::now();
        took
    }
}
