//! A crash in the middle of an approval of a changed replica: it counts from the record on, and not before.

use std::sync::Arc;

use super::{reopened, world};
use crate::{
    domain::{
        codes::InstitutionCode,
        correction::{CorrectionEvent, CorrectionState, CorrectionStep},
        deciding::FourEyes,
        names::CorrectionNumber,
        operation::OperationKind,
        record::Entry,
        replica::ReplicaName,
        staff::Act,
    },
    institution::{AtWork, ChangeDraft, CorrectionAct, CorrectionDraft},
    sample::staff::TRAINING_PASSWORD,
    store::{Keeper, Page},
    world::World,
};

/// A replica that is to be deleted.
struct Proposed {
    institution: InstitutionCode,
    name: ReplicaName,
    number: CorrectionNumber,
}

async fn staff(world: &World, institution: InstitutionCode, account: &str) -> AtWork {
    let server = world.server(institution).unwrap();
    let password = TRAINING_PASSWORD.to_owned().into();
    let name = account.parse().unwrap();
    let signed_in = server.sign_in(&name, password, "test", world.now());
    signed_in.await.unwrap().staff
}

impl Proposed {
    async fn new(world: &Arc<World>) -> Self {
        world.fill_accounts().await.unwrap();
        let institution = "0220113112101700".parse().unwrap();
        let server = world.server(institution).unwrap();
        let person = world.population.addressee_number(0, institution).unwrap();
        let found = server.replicas(person, None, Page::first(1)).unwrap();
        let name = ReplicaName::of(&found.rows[0]);
        let draft = CorrectionDraft {
            id: "p-1".parse().unwrap(),
            change: ChangeDraft::Delete(name.clone()),
            reason: "誤登録".parse().unwrap(),
            revision: found.rows[0].revision,
            again: None,
        };
        let clerk = staff(world, institution, "clerk1").await;
        let number = server.propose_correction(clerk, draft, world.now());
        Self {
            institution,
            name,
            number: number.await.unwrap().number(),
        }
    }

    async fn approval(&self, world: &World) -> CorrectionAct {
        let found = world.state.correction(self.institution, self.number);
        let (seen, _) = found.unwrap().unwrap();
        CorrectionAct {
            number: self.number,
            seen,
            staff: staff(world, self.institution, "approver").await,
            at: world.now(),
        }
    }

    /// Brings the proposal to where the approval is kept, and the record is not there yet.
    async fn approved(&self, world: &World) {
        let step = self.approval(world).await;
        let found = world.state.correction(self.institution, self.number);
        let (seen, mut correction) = found.unwrap().unwrap();
        let authority = step.staff.authority(Act::ApproveCorrection).unwrap();
        let eyes = FourEyes::TwoAccounts;
        let consent = correction.state.consent(&authority, eyes, step.at);
        let content = correction.state.proposed().unwrap().content;
        let event = consent.unwrap().approve(content).unwrap();
        assert!(matches!(event, CorrectionEvent::Approved { .. }));
        correction.state = correction.state.apply(event).unwrap();
        let state = &world.state;
        let kept = state.move_correction(self.institution, seen, &correction);
        kept.await.unwrap();
    }

    fn state(&self, world: &World) -> CorrectionState {
        let found = world.state.correction(self.institution, self.number);
        found.unwrap().unwrap().1.state
    }

    fn is_there(&self, world: &World) -> bool {
        let server = world.server(self.institution).unwrap();
        server.replica(&self.name).is_ok()
    }
}

#[tokio::test]
async fn an_approval_that_a_crash_kept_from_its_record_is_undone() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    let proposed = Proposed::new(&world).await;
    proposed.approved(&world).await;

    let world = reopened(world, dir.path()).await;
    assert!(proposed.is_there(&world));
    let state = proposed.state(&world);
    assert!(matches!(state, CorrectionState::Proposed { .. }));
    let step = proposed.approval(&world).await;
    let server = world.server(proposed.institution).unwrap();
    server.approve_correction(step).await.unwrap();
    assert!(!proposed.is_there(&world));
}

#[tokio::test]
async fn an_approval_on_record_that_a_crash_kept_from_the_replica_is_made_once() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    let proposed = Proposed::new(&world).await;
    proposed.approved(&world).await;
    let step = proposed.approval(&world).await;
    let state = proposed.state(&world);
    let what = OperationKind::Correction {
        step: CorrectionStep::Approved,
        content: state.proposed().unwrap().content,
    };
    let operation = step
        .staff
        .operation(what, Some(proposed.number.to_string()));
    let entry = Entry::Operation(operation);
    let keeper = Keeper::Institution(proposed.institution);
    let recorded = world.records.write(keeper, &entry, world.now());
    drop(recorded.await.unwrap());
    assert!(proposed.is_there(&world));

    let world = reopened(world, dir.path()).await;
    assert!(!proposed.is_there(&world));
    let state = proposed.state(&world);
    assert!(matches!(state, CorrectionState::Made { .. }));
    let world = reopened(world, dir.path()).await;
    assert_eq!(proposed.state(&world), state);
}
