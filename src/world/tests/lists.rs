//! Copies of the permission list that are not what the core system has signed.

use jiff::SignedDuration;
use proptest::prelude::*;

use super::{at, by_hand::inquirer, interrupted::accepted, reopened, world};
use crate::{
    domain::{
        permission_list::{KeptList, SignedList},
        refusal::Refusal,
        result::ResultCode,
    },
    institution::{ActFault, Prepared},
    world::ClockMode,
};

/// The text with one byte replaced by another printable one.
fn altered(text: &str, at: prop::sample::Index) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let at = at.index(bytes.len());
    bytes[at] = if bytes[at] == b'7' { b'8' } else { b'7' };
    String::from_utf8_lossy(&bytes).into_owned()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn no_altered_list_is_copied_and_none_that_was_kept_is_used(place in any::<prop::sample::Index>(), signature in any::<bool>()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let world = world(dir.path()).await;
            let SignedList { list, signature: signed } = world.core.publish_list().unwrap();
            let published = if signature {
                SignedList { signature: altered(&signed, place), list }
            } else {
                SignedList { list: altered(&list, place), signature: signed }
            };
            let server = world.server(inquirer()).unwrap();
            let refused = server.copy_list(published.clone(), world.now()).await;
            assert!(matches!(refused, Err(ActFault::Refused(Refusal::ListUnverified))));
            assert!(server.has_list(world.now()));

            // As if somebody had changed the file of the state: the copy is not used, and the world makes another.
            let later = "2026-05-11T02:00:00Z";
            world.set_clock(ClockMode::Frozen(at(later))).unwrap();
            let kept = KeptList { published, copied_at: world.now() };
            world.state.keep_list_copy(inquirer(), &kept).await.unwrap();
            let world = reopened(world, dir.path()).await;
            let copy = world.server(inquirer()).unwrap().list_copy().unwrap();
            assert_eq!(copy.list.version(), 1);
            world.close().await.unwrap();
        });
    }
}

#[tokio::test]
async fn without_a_copy_every_exchange_is_refused_until_there_is_one() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path()).await;
    let server = world.server(inquirer()).unwrap();
    server.lose_list();
    let inquiry = accepted(&world, 0).await;
    let prepared = || {
        server
            .prepare_exchange(&inquiry, inquiry.exchanges().next().unwrap(), world.now())
            .unwrap()
    };
    let Prepared::Ended(outcome, _) = prepared() else {
        panic!("an exchange without a list");
    };
    assert_eq!(outcome.code, ResultCode::PermissionListUnusable);
    world
        .renew_lists(SignedDuration::from_hours(1))
        .await
        .unwrap();
    assert!(matches!(prepared(), Prepared::Send(..)));
    world.close().await.unwrap();
}
