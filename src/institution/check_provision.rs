//! 確認: a clerk compares what would be provided with what is asked, and proposes a decision. TKY.

use super::{ActFault, IntermediateServer, Step};
use crate::domain::{
    deciding::{ContentDigest, Proposal, StaffStep},
    staff::Act,
};

impl IntermediateServer {
    /// Notes a clerk's check and proposal, with the content that the clerk saw.
    ///
    /// # Errors
    /// When the clerk has no authority, the request has moved on, does not wait or is checked already, or its content is
    /// not what the clerk saw; when the record cannot be written.
    pub async fn check_provision(
        &self,
        step: Step,
        proposed: (Proposal, ContentDigest),
    ) -> Result<(), ActFault> {
        let _alone = self.deciding.lock().await;
        let checked = self.check(&step, proposed).await;
        self.or_refused(&step, Act::CheckProvision, checked).await
    }

    async fn check(
        &self,
        step: &Step,
        proposed: (Proposal, ContentDigest),
    ) -> Result<(), ActFault> {
        let (provision, authority) = self.as_seen(step, Act::CheckProvision)?;
        let (_, content) = self.content_of(&provision, step.at)?;
        let name = match &proposed.0 {
            Proposal::Provide => StaffStep::ProposedToProvide,
            Proposal::Refuse(_) => StaffStep::ProposedToRefuse,
            Proposal::CorrectFirst => StaffStep::ProposedToCorrect,
        };
        let state = &provision.state;
        let event = state.check(&authority, proposed, content, step.at)?;
        self.take_step(step, (provision, event), (name, Some(content)))
            .await
    }
}
