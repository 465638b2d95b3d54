use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tonic_types::StatusExt;

use super::*;
use crate::{
    crypto::identity::Identity,
    grpc::{Caller, proto::v1::provision_service_server::ProvisionService, provision::Provisions},
    institution::{Periods, StaffRules},
    sample::definitions::write_embedded,
    world::{ClockMode, DEFAULT_WORLD, Settings, WatchRules, World, WorldPlan, Worlds},
};

/// A world, and a sample person's replicas at an institution of it.
struct Net {
    _dir: TempDir,
    surface: Surface,
    world: Arc<World>,
    caller: Caller,
    replicas: Vec<v1::Replica>,
}

impl Net {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let definitions = dir.path().join("definitions");
        write_embedded(&definitions).unwrap();
        let settings = Settings {
            definitions,
            cache_bytes: 1 << 24,
            periods: Periods {
                result_retention: SignedDuration::from_hours(24),
                list_age_max: SignedDuration::from_hours(24),
                acquisition_serial: SignedDuration::from_hours(24),
            },
            permit_period: SignedDuration::from_mins(5),
            hold: crate::domain::deciding::HoldRules::default(),
            rotation: crate::crypto::kept_context::Rotation::default(),
            staff: StaffRules::default(),
            downloads: crate::domain::download::DownloadRules::default(),
            watch: WatchRules::default(),
            inquiries_each_max: 1_000,
            training_accounts: false,
        };
        let worlds = Arc::new(Worlds::new(dir.path().join("worlds"), settings));
        let now: Timestamp = "2026-07-01T00:00:00Z".parse().unwrap();
        let plan = WorldPlan {
            name: DEFAULT_WORLD.parse().unwrap(),
            seed: 1,
            people: 1,
            clock: ClockMode::Frozen(now),
        };
        worlds.open_all(plan, &|_| {}).await.unwrap();
        let world = worlds.find(DEFAULT_WORLD).unwrap();
        let home = world.home(0).unwrap();
        let known = world.person_at_institutions(0);
        let known = known.iter().find(|known| known.institution == home);
        let page = crate::store::Page::first(100);
        let server = world.server(home).unwrap();
        let found = server.replicas(known.unwrap().addressee, None, page);
        let replicas: Vec<_> = found
            .unwrap()
            .rows
            .into_iter()
            .map(|replica| encode(&Numbers::Addressee, replica).unwrap())
            .collect();
        assert!(!replicas.is_empty());
        let identity = Arc::new(Identity::Institution {
            code: home.to_string(),
            system: None,
        });
        let peer = ([127, 0, 0, 1], 1).into();
        Self {
            _dir: dir,
            surface: Surface::new(worlds, CancellationToken::new()),
            world,
            caller: Caller { identity, peer },
            replicas,
        }
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.extensions_mut().insert(self.caller.clone());
        request
    }

    fn service(&self) -> Replicas {
        Replicas(self.surface.clone())
    }

    async fn register(
        &self,
        replicas: Vec<v1::Replica>,
    ) -> Result<v1::RegisterReplicasResponse, Status> {
        let request = self.request(v1::RegisterReplicasRequest { replicas });
        let answer = self.service().register_replicas(request).await;
        answer.map(Response::into_inner)
    }

    async fn delete(&self, keys: Vec<v1::ReplicaKey>) -> Result<u32, Status> {
        let request = self.request(v1::DeleteReplicasRequest { keys });
        let answer = self.service().delete_replicas(request).await;
        answer.map(|answer| answer.into_inner().deleted)
    }

    async fn get(&self, key: v1::ReplicaKey) -> Result<v1::Replica, Status> {
        let request = self.request(v1::GetReplicaRequest { key: Some(key) });
        let answer = self.service().get_replica(request).await;
        answer.map(|answer| answer.into_inner().replica.unwrap())
    }

    /// How many entries the ledger has.
    fn entries(&self) -> u64 {
        self.world.records().ledger().next_sequence()
    }

    /// The sample replica under another name.
    fn named(&self, name: &str) -> v1::Replica {
        let mut replica = self.replicas[0].clone();
        replica.key.as_mut().unwrap().record_key = name.to_owned();
        replica
    }
}

fn key(replica: &v1::Replica) -> v1::ReplicaKey {
    replica.key.clone().unwrap()
}

fn fields(status: &Status) -> Vec<String> {
    let details = status.get_error_details();
    let violations = &details.bad_request().unwrap().field_violations;
    violations.iter().map(|flaw| flaw.field.clone()).collect()
}

#[tokio::test]
async fn a_registration_is_on_record_and_counts_new_and_replaced() {
    let net = Net::start().await;
    let before = net.entries();
    let (old, new) = (net.replicas[0].clone(), net.named("new-1"));
    let answer = net.register(vec![old.clone(), new.clone()]).await.unwrap();
    assert_eq!((answer.registered, answer.replaced), (1, 1));
    assert_eq!(net.entries(), before + 1);
    assert_eq!(net.get(key(&new)).await.unwrap().revision, 1);
    let replaced = net.get(key(&old)).await.unwrap();
    assert_eq!(replaced.revision, old.revision + 1);
    assert_eq!(replaced.content, old.content);
}

#[tokio::test]
async fn one_flaw_in_a_request_registers_nothing_and_every_flaw_is_named() {
    let net = Net::start().await;
    let before = net.entries();
    let good = net.named("good");
    let mut bad_version = net.named("bad-version");
    bad_version.layout_version = "1900.01".into();
    let mut bad_value = net.named("bad-value");
    bad_value.content[0].items[0].content = Some(v1::item::Content::Value("1\u{0}".into()));
    let mut bad_number = net.named("bad-number");
    bad_number.key.as_mut().unwrap().addressee_number = "1".into();
    let mut no_layout = net.named("no-layout");
    no_layout.key.as_mut().unwrap().specific_info = "TM99999999999999".into();
    let replicas = vec![
        good.clone(),
        bad_version,
        bad_value,
        bad_number,
        no_layout,
        good.clone(),
    ];
    let refused = net.register(replicas).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let mut named = fields(&refused);
    named.sort();
    let expected = [
        "replicas[1].layout_version",
        "replicas[2].content[0].items[0].value",
        "replicas[3].key.addressee_number",
        "replicas[4].key.specific_info",
        "replicas[5].key",
    ];
    assert_eq!(named, expected);
    assert_eq!(
        net.get(key(&good)).await.unwrap_err().code(),
        Code::NotFound
    );
    assert_eq!(net.entries(), before);
}

#[tokio::test]
async fn an_unknown_layout_version_names_the_known_ones() {
    let net = Net::start().await;
    let mut bad = net.named("bad");
    let known = std::mem::replace(&mut bad.layout_version, "1900.01".into());
    let refused = net.register(vec![bad]).await.unwrap_err();
    let details = refused.get_error_details();
    let flaw = &details.bad_request().unwrap().field_violations[0];
    assert!(flaw.description.contains(&known), "{}", flaw.description);
}

#[tokio::test]
async fn what_the_institution_does_not_hold_is_refused() {
    let net = Net::start().await;
    let home = net.world.home(0).unwrap();
    let server = net.world.server(home).unwrap();
    let holds = &server.profile().holds;
    let mut infos = server.layouts().specific_infos();
    let foreign = infos.find(|info| !holds.contains(info)).unwrap();
    let mut replica = net.named("foreign");
    replica.key.as_mut().unwrap().specific_info = foreign.to_string();
    let refused = net.register(vec![replica]).await.unwrap_err();
    assert_eq!(fields(&refused), ["replicas[0].key.specific_info"]);
}

#[tokio::test]
async fn an_empty_request_and_one_of_10001_are_refused() {
    let net = Net::start().await;
    for count in [0, REPLICAS_MAX + 1] {
        let refused = net.register(vec![v1::Replica::default(); count]).await;
        assert_eq!(fields(&refused.unwrap_err()), ["replicas"]);
        let refused = net.delete(vec![key(&net.replicas[0]); count]).await;
        assert_eq!(fields(&refused.unwrap_err()), ["keys"]);
    }
}

#[tokio::test]
async fn a_deletion_of_one_unknown_replica_deletes_none_and_names_it() {
    let net = Net::start().await;
    let before = net.entries();
    let (there, absent) = (key(&net.replicas[0]), key(&net.named("absent")));
    let refused = net.delete(vec![there.clone(), absent]).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    assert_eq!(fields(&refused), ["keys[1]"]);
    let refused = net.delete(vec![there.clone(), there.clone()]).await;
    assert_eq!(fields(&refused.unwrap_err()), ["keys[1]"]);
    assert!(net.get(there.clone()).await.is_ok());
    assert_eq!(net.entries(), before);
    assert_eq!(net.delete(vec![there.clone()]).await.unwrap(), 1);
    assert_eq!(net.entries(), before + 1);
    assert_eq!(net.get(there).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn of_two_deletions_at_once_only_one_succeeds() {
    let net = Net::start().await;
    let there = key(&net.replicas[0]);
    let (one, other) = tokio::join!(net.delete(vec![there.clone()]), net.delete(vec![there]));
    assert!(one.is_ok() != other.is_ok());
}

#[tokio::test]
async fn two_registrations_of_the_same_replica_at_once_both_count() {
    let net = Net::start().await;
    let replica = net.named("twice");
    let (one, other) = tokio::join!(
        net.register(vec![replica.clone()]),
        net.register(vec![replica.clone()])
    );
    let new = one.unwrap().registered + other.unwrap().registered;
    assert_eq!(new, 1);
    assert_eq!(net.get(key(&replica)).await.unwrap().revision, 2);
}

#[tokio::test]
async fn a_flag_is_set_listed_and_cleared_on_record() {
    let net = Net::start().await;
    let provisions = Provisions(net.surface.clone());
    let before = net.entries();
    let flag = v1::NoAutoReply {
        addressee_number: key(&net.replicas[0]).addressee_number,
        specific_info: String::new(),
    };
    let clear = || {
        let flag = Some(flag.clone());
        net.request(v1::ClearNoAutoReplyRequest { flag })
    };
    let absent = provisions.clear_no_auto_reply(clear()).await;
    assert_eq!(absent.unwrap_err().code(), Code::NotFound);
    let set = v1::SetNoAutoReplyRequest {
        flag: Some(flag.clone()),
    };
    provisions
        .set_no_auto_reply(net.request(set))
        .await
        .unwrap();
    let list = net.request(v1::ListNoAutoReplyRequest::default());
    let listed = provisions.list_no_auto_reply(list).await.unwrap();
    assert!(listed.into_inner().flags.contains(&flag));
    provisions.clear_no_auto_reply(clear()).await.unwrap();
    let absent = provisions.clear_no_auto_reply(clear()).await;
    assert_eq!(absent.unwrap_err().code(), Code::NotFound);
    assert_eq!(net.entries(), before + 2);
}

#[tokio::test]
async fn ten_thousand_replicas_are_one_registration() {
    let net = Net::start().await;
    let before = net.entries();
    let named = (0..REPLICAS_MAX).map(|at| net.named(&format!("row-{at}")));
    let mut replicas: Vec<_> = named.collect();
    let answer = net.register(replicas.clone()).await.unwrap();
    assert_eq!(answer.registered, 10_000);
    assert_eq!(net.entries(), before + 1);
    for replica in &mut replicas {
        replica.layout_version = "1900.01".into();
    }
    let refused = net.register(replicas).await.unwrap_err();
    // A status travels in the headers, so it names some of the flaws and says how many it leaves out.
    let details = refused.get_error_details();
    let info = details.error_info().unwrap();
    let left_out: usize = info.metadata["violations_left_out"].parse().unwrap();
    assert_eq!(fields(&refused).len() + left_out, FLAWS_MAX);
    assert!(refused.details().len() < 8 * 1024);
}

#[tokio::test]
async fn the_entries_in_the_ledger_name_no_person_and_no_value() {
    let net = Net::start().await;
    let before = net.entries();
    let replica = net.named("a-record-key");
    let person = key(&replica).addressee_number;
    net.register(vec![replica.clone()]).await.unwrap();
    net.delete(vec![key(&replica)]).await.unwrap();
    let flag = v1::NoAutoReply {
        addressee_number: person.clone(),
        specific_info: key(&replica).specific_info,
    };
    let set = net.request(v1::SetNoAutoReplyRequest { flag: Some(flag) });
    let provisions = Provisions(net.surface.clone());
    provisions.set_no_auto_reply(set).await.unwrap();
    let mut bodies = Vec::new();
    let read = |stored: crate::ledger::StoredEntry| {
        bodies.push(String::from_utf8(stored.body).unwrap());
    };
    net.world.records().ledger().replay(before, read).unwrap();
    assert_eq!(bodies.len(), 3);
    for body in bodies {
        assert!(!body.contains(&person), "{body}");
        assert!(!body.contains("a-record-key"), "{body}");
    }
}

#[tokio::test]
async fn the_layouts_are_listed_whole_or_by_specific_information() {
    let net = Net::start().await;
    let list = async |specific_info: String| {
        let request = net.request(v1::ListLayoutsRequest { specific_info });
        let answer = net.service().list_layouts(request).await;
        answer.map(|answer| answer.into_inner().layouts)
    };
    let all = list(String::new()).await.unwrap();
    let info = key(&net.replicas[0]).specific_info;
    let own = list(info.clone()).await.unwrap();
    assert!(!own.is_empty() && own.len() < all.len());
    assert!(own.iter().all(|layout| layout.specific_info == info));
    assert!(list("TM".into()).await.is_err());
}
