//! 確認: a clerk compares what would be provided with what is asked, and proposes a decision. TKY.

use super::{ActFault, IntermediateServer, Step};
use crate::domain::{
    deciding::{Check, ContentDigest, Proposal},
    record::StaffStep,
};

impl IntermediateServer {
    /// Notes a clerk's check and proposal. `content` is what the clerk saw.
    ///
    /// # Errors
    /// When the request has moved on, does not wait, is checked already, or its content is not what the clerk saw; when
    /// the record cannot be written.
    pub async fn check_provision(
        &self,
        step: Step,
        proposal: Proposal,
        content: ContentDigest,
    ) -> Result<(), ActFault> {
        let _alone = self.deciding.lock().await;
        let provision = self.as_seen(&step)?;
        let (_, now_there) = self.content_of(&provision, step.at)?;
        let name = match &proposal {
            Proposal::Provide => StaffStep::ProposedToProvide,
            Proposal::Refuse(_) => StaffStep::ProposedToRefuse,
            Proposal::CorrectFirst => StaffStep::ProposedToCorrect,
        };
        let check = Check {
            by: step.by.clone(),
            at: step.at,
            proposal,
            content,
        };
        let event = provision.state.check(check, &now_there)?;
        self.take_step(step, (provision, event), (name, Some(now_there)))
            .await
    }
}
