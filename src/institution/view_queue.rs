//! 要対応一覧: the requests that wait for the staff, oldest first, and how many there are in each state. TKY.

use jiff::Timestamp;

use super::{ActFault, AtWork, IntermediateServer};
use crate::{
    domain::{
        deciding::Opened,
        provision::{Hold, Provision, ProvisionState},
        refusal::{Refusal, Thing},
        staff::Act,
    },
    store::{Page, Version},
};

/// A request in the queue.
#[derive(Debug)]
pub struct Queued {
    /// The request.
    pub provision: Provision,
    /// Which write left it so: a step names it.
    pub version: Version,
    /// Since when and why it is held.
    pub hold: Hold,
    /// Until when it may wait; nothing where that never ends.
    pub due: Option<Timestamp>,
    /// Who has opened it.
    pub opened: Vec<Opened>,
}

/// Some of the queue.
#[derive(Debug)]
pub struct Queue {
    /// The requests, oldest first.
    pub rows: Vec<Queued>,
    /// How many wait in all.
    pub counts: QueueCounts,
    /// What brings the next rows; nothing after the last.
    pub next_token: Option<String>,
}

/// How many requests wait in each state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueCounts {
    /// Nobody has checked them.
    pub held: u64,
    /// They wait for a superior.
    pub checked: u64,
    /// They must be checked anew.
    pub sent_back: u64,
    /// They have gone to the superiors because they waited too long; counted in their state as well.
    pub escalated: u64,
}

impl IntermediateServer {
    /// 要対応一覧: lets a member of the staff see the queue from now on. It is on record that they did.
    ///
    /// # Errors
    /// When they have no authority; when the record cannot be written.
    pub async fn see_queue(&self, staff: &AtWork, now: Timestamp) -> Result<(), ActFault> {
        self.begin_act(staff, Act::SeeQueue, None, now).await?;
        Ok(())
    }

    /// The requests that wait for the staff, of the affairs that the member of the staff may act for. The person is left
    /// out for those who may not open a request.
    ///
    /// # Errors
    /// When they have no authority; when the state cannot be read.
    pub fn queue(&self, staff: &AtWork, page: Page) -> Result<Queue, ActFault> {
        let authority = staff.authority(Act::SeeQueue)?;
        let opens = staff.authority(Act::OpenProvision).is_ok();
        let is_theirs = |provision: &Provision| {
            let affair = provision.subject.affair;
            authority.for_affair(affair).is_ok()
        };
        let (state, code) = (&self.around.state, self.profile.code);
        let mut counts = QueueCounts::default();
        for provision in state.all_waiting_provisions(code)? {
            if is_theirs(&provision) {
                counts.add(&provision.state);
            }
        }
        let found = state.waiting_provisions(code, page)?;
        let mut rows = Vec::new();
        for provision in found.rows.into_iter().filter(is_theirs) {
            match self.queued(provision) {
                Ok(mut queued) => {
                    queued.provision.addressee = queued.provision.addressee.filter(|_| opens);
                    rows.push(queued);
                }
                // It was decided between the two looks.
                Err(ActFault::Refused(_)) => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(Queue {
            rows,
            counts,
            next_token: found.next_token,
        })
    }

    /// A request as it stands in the queue.
    pub(super) fn queued(&self, provision: Provision) -> Result<Queued, ActFault> {
        let (state, serial) = (&self.around.state, provision.subject.serial);
        let found = state.provision(self.profile.code, serial)?;
        let (version, provision) = found.ok_or(Refusal::NotFound(Thing::Provision))?;
        let hold = provision.state.waiting();
        let hold = hold.ok_or(Refusal::ProvisionDecided)?;
        Ok(Queued {
            version,
            hold,
            due: hold.due(self.around.hold),
            opened: state.opened(serial)?,
            provision,
        })
    }
}

impl QueueCounts {
    fn add(&mut self, state: &ProvisionState) {
        match state {
            ProvisionState::Held { .. } => self.held += 1,
            ProvisionState::Checked { .. } => self.checked += 1,
            ProvisionState::SentBack { .. } => self.sent_back += 1,
            ProvisionState::Received
            | ProvisionState::Answered { .. }
            | ProvisionState::Decided { .. }
            | ProvisionState::Ended { .. } => {}
        }
        let escalated = state.waiting().and_then(|hold| hold.escalated_at);
        self.escalated += u64::from(escalated.is_some());
    }
}
