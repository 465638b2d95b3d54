//! A crash in the middle of a decision: it counts from the provider's record on, and not before.

use std::sync::Arc;

use super::{
    by_hand::inquirer,
    interrupted::{accepted, carried, code, first},
    reopened, world,
};
use crate::{
    domain::{
        codes::InstitutionCode,
        deciding::{FourEyes, Grounds, Proposal, RefusalReason},
        inquiry::Inquiry,
        provision::ProvisionState,
        result::ResultCode,
        staff::Act,
    },
    institution::{AtWork, Step, Values},
    sample::staff::TRAINING_PASSWORD,
    world::World,
};

/// A held request, checked by a clerk.
struct Checked {
    inquiry: Inquiry,
    provider: InstitutionCode,
}

impl Checked {
    async fn new(world: &Arc<World>) -> Self {
        world.fill_accounts().await.unwrap();
        let inquiry = accepted(world, 7).await;
        carried(world, &inquiry).await;
        assert_eq!(code(world, &inquiry), ResultCode::WaitingForStaff);
        let provider = inquiry.details[0].infos[0].provider;
        let checked = Self { inquiry, provider };
        let server = world.server(provider).unwrap();
        let (staff, serial) = (
            checked.staff(world, "clerk1").await,
            first(&checked.inquiry),
        );
        let seen = server.open_provision(serial, staff.clone(), Values::Masked, world.now());
        let digest = seen.await.unwrap().digest;
        let step = checked.step(world, staff);
        let proposed = (Proposal::Provide, digest);
        server.check_provision(step, proposed).await.unwrap();
        checked
    }

    async fn staff(&self, world: &World, account: &str) -> AtWork {
        let server = world.server(self.provider).unwrap();
        let password = TRAINING_PASSWORD.to_owned().into();
        let name = account.parse().unwrap();
        let signed_in = server.sign_in(&name, password, "test", world.now());
        signed_in.await.unwrap().staff
    }

    fn step(&self, world: &World, staff: AtWork) -> Step {
        let found = world.state.provision(self.provider, first(&self.inquiry));
        let (seen, _) = found.unwrap().unwrap();
        Step {
            serial: first(&self.inquiry),
            seen,
            staff,
            at: world.now(),
        }
    }

    async fn approval(&self, world: &World) -> Step {
        self.step(world, self.staff(world, "approver").await)
    }

    fn state(&self, world: &World) -> ProvisionState {
        let server = world.server(self.provider).unwrap();
        server.provision(first(&self.inquiry)).unwrap().state
    }

    /// The inquirer has its answer, and the three records agree.
    fn has_arrived(&self, world: &World) {
        assert_eq!(code(world, &self.inquiry), ResultCode::EndedNormally);
        assert!(matches!(self.state(world), ProvisionState::Ended { .. }));
        let compared = world.compare(first(&self.inquiry), self.provider);
        let compared = compared.unwrap().unwrap();
        assert!(compared.inquirer.is_some() && compared.core.is_some());
        assert_eq!(compared.disagreements, []);
        assert!(world.state.open_inquiries(inquirer()).unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_decision_that_a_crash_kept_from_its_record_is_undone() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    let checked = Checked::new(&world).await;
    let step = checked.approval(&world).await;
    let found = world.state.provision(checked.provider, step.serial);
    let (version, mut provision) = found.unwrap().unwrap();
    let authority = step.staff.authority(Act::ApproveProvision).unwrap();
    let consent = provision
        .state
        .consent(&authority, FourEyes::TwoAccounts, step.at);
    let refused = consent.unwrap().refuse(Grounds {
        reason: RefusalReason::Other,
        note: None,
    });
    provision.state = provision.state.apply(refused).unwrap();
    let kept = world.state.move_provision(version, &provision, None);
    kept.await.unwrap();

    let world = reopened(world, dir.path()).await;
    assert!(matches!(
        checked.state(&world),
        ProvisionState::Checked { .. }
    ));
    assert_eq!(code(&world, &checked.inquiry), ResultCode::WaitingForStaff);
    let step = checked.approval(&world).await;
    let approved = world.approve_provision(checked.provider, step);
    approved.await.unwrap();
    checked.has_arrived(&world);
}

#[tokio::test]
async fn a_decision_on_record_that_a_crash_kept_from_the_inquirer_arrives() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    let checked = Checked::new(&world).await;
    let step = checked.approval(&world).await;
    let server = world.server(checked.provider).unwrap();
    let ending = server.approve_provision(step).await.unwrap().unwrap();
    assert_eq!(code(&world, &checked.inquiry), ResultCode::WaitingForStaff);

    let world = reopened(world, dir.path()).await;
    checked.has_arrived(&world);
    let view = world.server(inquirer()).unwrap();
    let view = view.fetch_result(checked.inquiry.receipt).unwrap();
    let answer = view.exchanges.into_iter().next().unwrap().state;
    assert_eq!(answer.into_answer(), ending.answer, "not sealed anew");
}

#[tokio::test]
async fn what_the_core_system_has_recorded_before_the_crash_is_not_recorded_again() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    let checked = Checked::new(&world).await;
    let step = checked.approval(&world).await;
    let server = world.server(checked.provider).unwrap();
    let ending = server.approve_provision(step).await.unwrap().unwrap();
    let recorded = world.core.record_exchange(
        &ending.subject,
        &ending.outcome,
        ending.permit.clone(),
        world.now(),
    );
    recorded.await.unwrap();
    let core = |world: &World| {
        let tree = "core/2026".parse().unwrap();
        world.records.ledger().size(tree)
    };
    let before = core(&world);

    let world = reopened(world, dir.path()).await;
    checked.has_arrived(&world);
    assert_eq!(core(&world), before);
}
