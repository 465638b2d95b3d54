//! The provider's staff ends held requests: the end goes on to the core system and the inquirer.

use std::sync::Arc;

use super::{World, WorldFault, carry::Steps};
use crate::{
    domain::{
        codes::InstitutionCode,
        deciding::Grounds,
        exchange::{ProvisionReply, Relayed},
    },
    institution::{Ending, Step},
};

impl World {
    /// 承認: does what the check of a held request proposes.
    ///
    /// # Errors
    /// As `IntermediateServer::approve_provision`; when a record on the way cannot be written.
    pub async fn approve_provision(
        self: &Arc<Self>,
        provider: InstitutionCode,
        step: Step,
    ) -> Result<(), WorldFault> {
        let world = Arc::clone(self);
        self.see_through(async move {
            let approved = world.server(provider)?.approve_provision(step).await?;
            match approved {
                Some(ending) => world.deliver(ending).await,
                None => Ok(()),
            }
        })
        .await
    }

    /// 拒否: refuses a checked request.
    ///
    /// # Errors
    /// As `IntermediateServer::refuse_provision`; when a record on the way cannot be written.
    pub async fn refuse_provision(
        self: &Arc<Self>,
        provider: InstitutionCode,
        step: Step,
        grounds: Grounds,
    ) -> Result<(), WorldFault> {
        let world = Arc::clone(self);
        self.see_through(async move {
            let server = world.server(provider)?;
            let ending = server.refuse_provision(step, grounds).await?;
            world.deliver(ending).await
        })
        .await
    }

    /// Ends or escalates the held requests that waited too long by the world's clock, at every institution.
    ///
    /// # Errors
    /// When a record or the state cannot be read or written.
    pub async fn expire_provisions(&self) -> Result<(), WorldFault> {
        for server in self.servers.values() {
            for ending in server.expire_provisions(self.now()).await? {
                self.deliver(ending).await?;
            }
        }
        Ok(())
    }

    /// Brings back to order what a crash interrupted. Only while nobody can decide.
    pub(super) async fn finish_deciding(&self) -> Result<(), WorldFault> {
        for server in self.servers.values() {
            for ending in server.undo_unrecorded().await? {
                self.deliver(ending).await?;
            }
            server.finish_corrections().await?;
        }
        Ok(())
    }

    /// The end of a held request, from the provider's record on.
    async fn deliver(&self, ending: Ending) -> Result<(), WorldFault> {
        let (serial, mut steps) = (ending.subject.serial, Steps::new(self));
        let provider = self.server(ending.subject.provider)?;
        let (actor, rule) = (provider.code(), "職員の決定（二者確認）");
        steps.add(actor.as_str(), "decide_provision", rule, &ending.outcome);
        self.bring_back(ending, steps).await?;
        Ok(provider.settle_provision(serial).await?)
    }

    /// The end of an exchange, from the provider's record on: the core system's record, the inquirer's, the result. What
    /// is done already is not done again.
    pub(super) async fn bring_back(
        &self,
        ending: Ending,
        mut steps: Steps<'_>,
    ) -> Result<(), WorldFault> {
        let (subject, outcome) = (&ending.subject, &ending.outcome);
        let serial = subject.serial;
        let inquirer = self.server(subject.inquirer)?;
        if inquirer.awaits(serial)? {
            let permit = ending.permit.clone();
            self.record_at_core(subject, outcome, permit, &mut steps)
                .await?;
            if let Some(note) = &ending.note {
                inquirer.keep_refusal_note(serial, note).await?;
            }
            let relayed = Relayed {
                reply: ProvisionReply::Ended(outcome.clone(), ending.answer),
                permit: ending.permit,
            };
            let now = self.now();
            let symbol = inquirer.symbol_of(serial)?;
            let received = inquirer
                .receive_answer(subject, symbol, relayed, now)
                .await?;
            steps.finish(inquirer.code().as_str(), "receive_answer", Some(outcome));
            self.tally.count(outcome.code);
            self.journal.add(serial, steps.done);
            inquirer.announce(serial, received, now).await?;
        }
        Ok(())
    }
}
