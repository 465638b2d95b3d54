//! 承認・拒否: a superior ends a checked request. What is sent is sealed here, and leaves after the record. TKY.

use super::{ActFault, Ending, IntermediateServer, Step, open_provision::Content};
use crate::domain::{
    deciding::{Consent, Grounds, Proposal, SendBackCause, Sent, SentBack},
    exchange::{Outcome, Side},
    provision::{Provision, ProvisionEvent},
    record::StaffStep,
    refusal::Refusal,
};

impl IntermediateServer {
    /// Does what the check proposes. Returns how the exchange ends; nothing where the replica is to be corrected first.
    ///
    /// # Errors
    /// When the request has moved on or is not checked, or the approver is the person who checked; when the content is
    /// not what was checked: the request then must be checked anew; when the record cannot be written.
    pub async fn approve_provision(&self, step: Step) -> Result<Option<Ending>, ActFault> {
        let _alone = self.deciding.lock().await;
        let provision = self.as_seen(&step)?;
        let consent = self.consent(&provision, &step)?;
        match consent.check().proposal.clone() {
            Proposal::Refuse(grounds) => {
                let event = consent.refuse(grounds);
                let ending = self.conclude(step, (provision, event), StaffStep::Refused);
                ending.await.map(Some)
            }
            Proposal::CorrectFirst => {
                let event = consent.correct_first();
                self.take_step(
                    step,
                    (provision, event),
                    (StaffStep::CorrectionAgreed, None),
                )
                .await?;
                Ok(None)
            }
            Proposal::Provide => self
                .provide_checked(step, provision, consent)
                .await
                .map(Some),
        }
    }

    /// Refuses a checked request, whatever the check proposes.
    ///
    /// # Errors
    /// When the request has moved on or is not checked, or who refuses is the person who checked; when the record cannot
    /// be written.
    pub async fn refuse_provision(&self, step: Step, grounds: Grounds) -> Result<Ending, ActFault> {
        let _alone = self.deciding.lock().await;
        let provision = self.as_seen(&step)?;
        let event = self.consent(&provision, &step)?.refuse(grounds);
        self.conclude(step, (provision, event), StaffStep::Refused)
            .await
    }

    fn consent(&self, provision: &Provision, step: &Step) -> Result<Consent, Refusal> {
        let eyes = self.around.hold.four_eyes;
        provision.state.consent(step.by.clone(), eyes, step.at)
    }

    async fn provide_checked(
        &self,
        step: Step,
        provision: Provision,
        consent: Consent,
    ) -> Result<Ending, ActFault> {
        let (content, digest) = self.content_of(&provision, step.at)?;
        let sealed = match &content {
            Content::Answer(provided) => {
                let (outcome, sealed) = super::provide::seal_answer(&provision, provided, step.at)?;
                (outcome, Sent::Answer(sealed))
            }
            Content::NoData(code) => {
                let outcome = Outcome::without_answer(*code, Side::Provider);
                (outcome, Sent::NoData)
            }
        };
        match consent.provide(&digest, sealed) {
            Ok(event) => {
                self.conclude(step, (provision, event), StaffStep::Approved)
                    .await
            }
            Err(refusal) => {
                let (at, cause) = (step.at, SendBackCause::ContentChanged);
                let event = ProvisionEvent::SentBack(SentBack { at, cause });
                let name = (StaffStep::ApprovalVoid, Some(digest));
                self.take_step(step, (provision, event), name).await?;
                Err(refusal.into())
            }
        }
    }
}
