//! 差戻し: a superior sends a checked request back, to be checked anew. TKY.

use super::{ActFault, IntermediateServer, Step};
use crate::domain::{record::StaffStep, words::Note};

impl IntermediateServer {
    /// Sends a checked request back.
    ///
    /// # Errors
    /// When the request has moved on or is not checked; when the record cannot be written.
    pub async fn send_back_provision(
        &self,
        step: Step,
        note: Option<Note>,
    ) -> Result<(), ActFault> {
        let _alone = self.deciding.lock().await;
        let provision = self.as_seen(&step)?;
        let event = provision.state.send_back(step.by.clone(), note, step.at)?;
        self.take_step(step, (provision, event), (StaffStep::SentBack, None))
            .await
    }
}
