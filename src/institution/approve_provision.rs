//! 承認・拒否: a superior ends a checked request. What is sent is sealed here, and leaves after the record. TKY.

use super::{ActFault, Ending, IntermediateServer, Step, open_provision::Content};
use crate::domain::{
    deciding::{Consent, Grounds, Proposal, SendBackCause, Sent, SentBack, StaffStep},
    exchange::{Outcome, Side},
    provision::{Provision, ProvisionEvent},
    staff::Act,
};

impl IntermediateServer {
    /// Does what the check proposes. Returns how the exchange ends; nothing where the replica is to be corrected first.
    ///
    /// # Errors
    /// When the superior has no authority or is the person who checked, or the request has moved on or is not checked;
    /// when the content is not what was checked: the request then must be checked anew; when the record cannot be
    /// written.
    pub async fn approve_provision(&self, step: Step) -> Result<Option<Ending>, ActFault> {
        let _alone = self.deciding.lock().await;
        let approved = self.approve(&step).await;
        self.or_refused(&step, Act::ApproveProvision, approved)
            .await
    }

    /// Refuses a checked request, whatever the check proposes.
    ///
    /// # Errors
    /// When who refuses has no authority or is the person who checked, or the request has moved on or is not checked; when
    /// the record cannot be written.
    pub async fn refuse_provision(&self, step: Step, grounds: Grounds) -> Result<Ending, ActFault> {
        let _alone = self.deciding.lock().await;
        let refused = self.refuse(&step, grounds).await;
        self.or_refused(&step, Act::ApproveProvision, refused).await
    }

    async fn approve(&self, step: &Step) -> Result<Option<Ending>, ActFault> {
        let (provision, consent) = self.consent(step)?;
        match consent.check().proposal.clone() {
            Proposal::Refuse(grounds) => {
                let event = consent.refuse(grounds);
                let ending = self.conclude(step, (provision, event), StaffStep::Refused);
                ending.await.map(Some)
            }
            Proposal::CorrectFirst => {
                let name = (StaffStep::CorrectionAgreed, None);
                let event = consent.correct_first();
                self.take_step(step, (provision, event), name).await?;
                Ok(None)
            }
            Proposal::Provide => {
                let provided = self.provide_checked(step, provision, consent);
                provided.await.map(Some)
            }
        }
    }

    async fn refuse(&self, step: &Step, grounds: Grounds) -> Result<Ending, ActFault> {
        let (provision, consent) = self.consent(step)?;
        let event = consent.refuse(grounds);
        self.conclude(step, (provision, event), StaffStep::Refused)
            .await
    }

    fn consent(&self, step: &Step) -> Result<(Provision, Consent), ActFault> {
        let (provision, authority) = self.as_seen(step, Act::ApproveProvision)?;
        let eyes = self.around.hold.four_eyes;
        let consent = provision.state.consent(&authority, eyes, step.at)?;
        Ok((provision, consent))
    }

    async fn provide_checked(
        &self,
        step: &Step,
        provision: Provision,
        consent: Consent,
    ) -> Result<Ending, ActFault> {
        let (content, digest) = self.content_of(&provision, step.at)?;
        let sealed = match &content {
            Content::Answer(provided) => {
                let (outcome, sealed) = self.seal_answer(&provision, provided, step.at)?;
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
