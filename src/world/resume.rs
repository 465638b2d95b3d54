//! Takes up what was under way when the world was closed or killed. What was acknowledged stands again, from the records
//! and what is kept beside them, before anybody is served; the rest is carried on.

use std::sync::Arc;

use super::{World, WorldFault, carry::Steps};
use crate::{
    domain::names::ProcessingSerial,
    store::{Followed, Keeper},
};

impl World {
    /// Takes up disposals, deletions, uses of identity information, imports, inquiries, decisions and batches, after what of the ledger was ahead of the state.
    pub(super) async fn resume(self: &Arc<Self>, followed: &Followed) -> Result<(), WorldFault> {
        for (keeper, line) in &followed.disposals {
            self.records.dispose(*keeper, *line).await?;
        }
        self.renew_state().await;
        for (keeper, what, before) in &followed.deletions {
            if let Keeper::Institution(code) = keeper {
                let server = self.server(*code)?;
                server.finish_deletion(*what, *before).await?;
            }
        }
        self.finish_identity_uses(&followed.identity_uses).await?;
        for server in self.servers.values() {
            server.resume_imports().await?;
            for inquiry in self.state.open_inquiries(server.code())? {
                server.resume_inquiry(&inquiry, self.now()).await?;
                self.finish_ending(&inquiry).await?;
            }
        }
        self.finish_answered().await?;
        for serial in &followed.exchanges {
            self.finish_recorded(*serial).await?;
        }
        for server in self.servers.values() {
            let of_batches = self.in_batches(server.code())?;
            for inquiry in self.state.open_inquiries(server.code())? {
                if !of_batches.contains(&inquiry.receipt) {
                    let inquiry = Arc::new(inquiry);
                    self.tasks.spawn(Arc::clone(self).carry_inquiry(inquiry));
                }
            }
            self.begin_batches(server.code())?;
        }
        self.finish_deciding().await
    }

    /// Brings back what providers had on record and not yet settled.
    async fn finish_answered(&self) -> Result<(), WorldFault> {
        for provider in self.servers.values() {
            for (provision, ending) in provider.answered_on_record().await? {
                self.bring_back(ending, Steps::new(self)).await?;
                provider.settle_answered(provision).await?;
            }
        }
        Ok(())
    }

    /// Ends an exchange that no provider answered as the inquirer's record says, or the core system's.
    async fn finish_recorded(&self, serial: ProcessingSerial) -> Result<(), WorldFault> {
        let inquirer = self.server(serial.inquirer)?;
        if inquirer.has_moved(serial)? || !inquirer.awaits(serial)? {
            return Ok(());
        }
        let own = Keeper::Institution(serial.inquirer);
        let placed = match self.records.record(own, serial)? {
            Some(placed) => Some(placed),
            None => self.core.record_of(serial)?,
        };
        let record = placed.map(|placed| placed.record);
        let Some(record) = record.filter(|record| record.outcome.answer_digest.is_none()) else {
            return Ok(());
        };
        let permit = record.permit_id.zip(record.permission_row);
        let (subject, outcome) = (&record.subject, record.outcome);
        Ok(inquirer
            .end_exchange(subject, outcome, permit, self.now())
            .await?)
    }
}
