//! 差戻し: a superior sends a checked request back, to be checked anew. TKY.

use super::{ActFault, IntermediateServer, Step};
use crate::domain::{deciding::StaffStep, staff::Act, words::Note};

impl IntermediateServer {
    /// Sends a checked request back.
    ///
    /// # Errors
    /// When the superior has no authority, or the request has moved on or is not checked; when the record cannot be
    /// written.
    pub async fn send_back_provision(
        &self,
        step: Step,
        note: Option<Note>,
    ) -> Result<(), ActFault> {
        let _alone = self.deciding.lock().await;
        let sent_back = self.send_back(&step, note).await;
        self.or_refused(&step, Act::SendBackProvision, sent_back)
            .await
    }

    async fn send_back(&self, step: &Step, note: Option<Note>) -> Result<(), ActFault> {
        let (provision, authority) = self.as_seen(step, Act::SendBackProvision)?;
        let event = provision.state.send_back(&authority, note, step.at)?;
        self.take_step(step, (provision, event), (StaffStep::SentBack, None))
            .await
    }
}
