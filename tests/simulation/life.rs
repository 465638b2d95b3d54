//! A world, what happened in it, and how each step is taken.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chukan::{
    domain::{
        acquisition::UnlinkReason,
        codes::{AddresseeNumber, InstitutionCode},
        names::{ProcessingSerial, ReceiptNumber, RecordId},
        permit::PermitTerms,
        provision::NoAutoReply,
        refusal::Refusal,
        result::ResultCode,
    },
    institution::{ActFault, IntermediateServer, Periods, StaffRules},
    sample::definitions::write_embedded,
    store::Page,
    world::{
        ClockMode, PermitByHand, PermitDraft, Settings, WatchRules, World, WorldFault, WorldPlan,
    },
};
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;

use crate::step::Step;

pub(crate) const PROVIDER: &str = "0220113112101700";
pub(crate) const ASKERS: [&str; 2] = ["9900000000001100", "9900000000001300"];
pub(crate) const PEOPLE: u32 = 14;

/// 事務, 事務手続 and 特定個人情報: permitted, permitted, and not permitted together.
pub(crate) const PAIRS: [[&str; 3]; 3] = [
    ["JM01000000121000", "JT01010000000214", "TM00000000000002"],
    ["JM90000000000001", "JT90000000000001", "TM90000000000001"],
    ["JM01000000121000", "JT01010000000214", "TM90000000000001"],
];

const BEGIN: &str = "2026-05-11T01:00:00Z";
pub(crate) const LIST_AGE_MAX: SignedDuration = SignedDuration::from_hours(24 * 7);

/// A permit by hand and what was done with it.
pub(crate) struct Issued {
    order: PermitByHand,
    terms: PermitTerms,
    used: bool,
}

/// An inquiry that was accepted.
pub(crate) struct Asked {
    pub(crate) by: InstitutionCode,
    pub(crate) receipt: ReceiptNumber,
    pub(crate) people: Vec<u32>,
    pub(crate) record_ids: Vec<RecordId>,
    /// The flags that were set all the while, where it was waited for.
    pub(crate) flags: Vec<NoAutoReply>,
}

pub(crate) struct Life {
    dir: TempDir,
    world: Option<Arc<World>>,
    pub(crate) asked: Vec<Asked>,
    permits: Vec<Issued>,
    pub(crate) record_ids: u64,
    /// How each exchange stood when it was last seen.
    pub(crate) seen: BTreeMap<ProcessingSerial, ResultCode>,
    /// How many entries of the ledger were checked.
    pub(crate) checked: usize,
    /// What each institution calls each person.
    pub(crate) numbers: BTreeMap<(&'static str, u32), AddresseeNumber>,
    /// What must not stand in the ledger.
    pub(crate) secrets: BTreeSet<String>,
}

pub(crate) fn settings(dir: &TempDir) -> Settings {
    let definitions = dir.path().join("definitions");
    write_embedded(&definitions).unwrap();
    Settings {
        definitions,
        cache_bytes: 16 * 1024 * 1024,
        periods: Periods {
            result_retention: SignedDuration::from_hours(24 * 30),
            list_age_max: LIST_AGE_MAX,
            acquisition_serial: SignedDuration::from_hours(24),
        },
        permit_period: SignedDuration::from_secs(300),
        hold: chukan::domain::deciding::HoldRules::default(),
        rotation: chukan::crypto::kept_context::Rotation::default(),
        staff: StaffRules::default(),
        downloads: chukan::domain::download::DownloadRules::default(),
        watch: WatchRules::default(),
        inquiries_each_max: 1_000,
        training_accounts: false,
    }
}

impl Life {
    pub(crate) async fn begin() -> Self {
        let dir = TempDir::new().unwrap();
        let plan = WorldPlan {
            name: "w".parse().unwrap(),
            seed: 1,
            people: PEOPLE,
            clock: ClockMode::Frozen(BEGIN.parse().unwrap()),
        };
        let (place, settings) = (dir.path().join("w"), settings(&dir));
        let made = World::create(&place, plan, &settings, &|_| {}).await;
        let world = made.unwrap();
        let mut numbers = BTreeMap::new();
        for person in 0..PEOPLE {
            let known = world.person_at_institutions(person);
            for code in [PROVIDER, ASKERS[0], ASKERS[1]] {
                let known = known
                    .iter()
                    .find(|known| known.institution.as_str() == code);
                numbers.insert((code, person), known.unwrap().addressee);
            }
        }
        Self {
            numbers,
            secrets: crate::invariants::secrets(&world),
            world: Some(world),
            dir,
            asked: Vec::new(),
            permits: Vec::new(),
            record_ids: 0,
            seen: BTreeMap::new(),
            checked: 0,
        }
    }

    pub(crate) async fn end(mut self) {
        for n in 0..self.asked.len() {
            self.settled(n).await;
        }
        crate::invariants::hold(&mut self);
        self.world().close().await.unwrap();
    }

    pub(crate) fn dir(&self) -> &TempDir {
        &self.dir
    }

    /// Closes the world and says where it lies.
    pub(crate) async fn put_away(&mut self) -> std::path::PathBuf {
        let world = self.world.take().unwrap();
        world.close().await.unwrap();
        self.dir.path().join("w")
    }

    pub(crate) fn world(&self) -> &Arc<World> {
        self.world.as_ref().unwrap()
    }

    fn provider(&self) -> &IntermediateServer {
        self.world().server(PROVIDER.parse().unwrap()).unwrap()
    }

    pub(crate) fn addressee(&self, person: u32, at: InstitutionCode) -> AddresseeNumber {
        let known = self.world().person_at_institutions(person);
        let known = known.iter().find(|known| known.institution == at);
        known.unwrap().addressee
    }

    pub(crate) fn flags(&self) -> Vec<NoAutoReply> {
        self.provider()
            .no_auto_reply(Page::first(1_000))
            .unwrap()
            .rows
    }

    pub(crate) async fn take(&mut self, step: Step) {
        match step {
            Step::Ask {
                by,
                people,
                pairs,
                old_record_id,
                wait,
            } => self.ask(by, &people, &pairs, (old_record_id, wait)).await,
            Step::Cancel { which } => self.cancel(which).await,
            Step::SetFlag { person, pair } => self.set_flag(person, pair).await,
            Step::ClearFlag { which } => self.clear_flag(which).await,
            Step::Advance { seconds } => self.advance(seconds).await,
            Step::CopyList => self.copy_list().await,
            Step::Reopen => self.reopen().await,
            Step::Unlink {
                person,
                at_provider,
            } => self.unlink(person, at_provider).await,
            Step::Link {
                person,
                at_provider,
            } => self.link(person, at_provider).await,
            Step::IssuePermit { by, person } => self.issue(by, person),
            Step::PresentPermit { which } => self.present(which).await,
        }
    }

    async fn cancel(&mut self, which: usize) {
        if self.asked.is_empty() {
            return;
        }
        let asked = &self.asked[which % self.asked.len()];
        match self.world().cancel_inquiry(asked.by, asked.receipt).await {
            Ok(_) | Err(WorldFault::Act(ActFault::Refused(Refusal::InquiryEnded))) => {}
            Err(fault) => panic!("{fault:?}"),
        }
    }

    async fn set_flag(&mut self, person: Option<u32>, pair: Option<usize>) {
        let person = person.map(|person| self.addressee(person, PROVIDER.parse().unwrap()));
        let info = pair.map(|pair| PAIRS[pair][2].parse().unwrap());
        let flag = match (person, info) {
            (Some(person), Some(info)) => NoAutoReply::Both(person, info),
            (Some(person), None) => NoAutoReply::Person(person),
            (None, Some(info)) => NoAutoReply::SpecificInfo(info),
            (None, None) => return,
        };
        let now = self.world().now();
        self.provider().set_no_auto_reply(flag, now).await.unwrap();
    }

    async fn clear_flag(&mut self, which: usize) {
        let flags = self.flags();
        if let Some(flag) = flags.get(which % flags.len().max(1)) {
            let now = self.world().now();
            self.provider()
                .clear_no_auto_reply(*flag, now)
                .await
                .unwrap();
        }
    }

    async fn advance(&mut self, seconds: i64) {
        let later = self.world().now() + SignedDuration::from_secs(seconds);
        let latest: Timestamp = "2060-01-01T00:00:00Z".parse().unwrap();
        let frozen = ClockMode::Frozen(later.min(latest));
        self.world().set_clock(frozen).unwrap();
    }

    async fn copy_list(&mut self) {
        let published = self.world().core().publish_list().unwrap();
        let now = self.world().now();
        for code in [PROVIDER, ASKERS[0], ASKERS[1]] {
            let server = self.world().server(code.parse().unwrap()).unwrap();
            server.copy_list(published.clone(), now).await.unwrap();
        }
    }

    async fn reopen(&mut self) {
        let world = self.world.take().unwrap();
        world.close().await.unwrap();
        drop(world);
        let (place, settings) = (self.dir.path().join("w"), settings(&self.dir));
        let opened = World::open(&place, "w".parse().unwrap(), &settings, &|_| {}).await;
        self.world = Some(opened.unwrap());
    }

    fn somewhere(&self, at_provider: bool) -> InstitutionCode {
        let code = if at_provider { PROVIDER } else { ASKERS[0] };
        code.parse().unwrap()
    }

    async fn unlink(&mut self, person: u32, at_provider: bool) {
        let at = self.somewhere(at_provider);
        let number = self.addressee(person, at);
        let server = self.world().server(at).unwrap();
        let now = self.world().now();
        match server
            .unlink_symbol(number, UnlinkReason::MovedOut, now)
            .await
        {
            Ok(()) | Err(ActFault::Refused(Refusal::Acquisition(_))) => {}
            Err(fault) => panic!("{fault:?}"),
        }
    }

    async fn link(&mut self, person: u32, at_provider: bool) {
        let at = self.somewhere(at_provider);
        let number = self.addressee(person, at);
        let now = self.world().now();
        let requested = self
            .world()
            .server(at)
            .unwrap()
            .request_acquisition(number, now)
            .await;
        match requested {
            Ok((serial, _)) => {
                let who = self
                    .world()
                    .person(person)
                    .unwrap()
                    .unwrap()
                    .individual_number;
                self.world().request_symbol(serial, &who).await.unwrap();
            }
            Err(ActFault::Refused(Refusal::Acquisition(_))) => {}
            Err(fault) => panic!("{fault:?}"),
        }
    }

    fn issue(&mut self, by: usize, person: u32) {
        let by: InstitutionCode = ASKERS[by].parse().unwrap();
        let [affair, procedure, specific_info] = PAIRS[0];
        let draft = PermitDraft {
            addressee: self.addressee(person, by),
            affair: affair.parse().unwrap(),
            procedure: procedure.parse().unwrap(),
            provider: PROVIDER.parse().unwrap(),
            specific_info: specific_info.parse().unwrap(),
        };
        if let Ok(order) = self.world().issue_permit(by, &draft) {
            let terms = serde_json::from_slice(&order.permit.terms).unwrap();
            let used = false;
            self.permits.push(Issued { order, terms, used });
        }
    }

    /// A permit is accepted in its time, and once. The symbol that goes with it does not outlive the process.
    async fn present(&mut self, which: usize) {
        if self.permits.is_empty() {
            return;
        }
        let at = which % self.permits.len();
        let order = self.permits[at].order.clone();
        let code = self.world().present_permit(order).await.unwrap();
        let now = self.world().now();
        let Issued { terms, used, .. } = &mut self.permits[at];
        let in_time = terms.issued_at <= now && now < terms.expires_at;
        let refused = [
            ResultCode::PermitInvalid,
            ResultCode::PermitExpired,
            ResultCode::PermitUsed,
        ];
        if !refused.contains(&code) {
            assert!(in_time, "a permit was accepted outside its time");
            assert!(!*used, "a permit was accepted twice");
            *used = true;
        }
    }
}
