//! 副本登録: registers and deletes replicas, all of a request or none, and shows them. DBM.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{ActFault, IntermediateServer};
use crate::{
    domain::{
        codes::{AddresseeNumber, SpecificInfoCode},
        form_check::{CheckedReplica, FLAWS_MAX, check},
        form_flaw::FormFlaw,
        record::Entry,
        refusal::{FieldFlaw, Refusal, Thing},
        replica::{Replica, ReplicaDraft, ReplicaName},
    },
    store::{Page, PageOf, StoreFault},
};

/// The most replicas of one request (ours).
pub const REPLICAS_MAX: usize = 10_000;

/// How often a write is tried when others change the same replicas at the same moment.
const ATTEMPTS: u32 = 5;

/// How many replicas a registration wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Registered {
    /// Those that were new.
    pub new: usize,
    /// Those that took the place of an older one.
    pub replaced: usize,
}

impl IntermediateServer {
    /// Registers replicas, all or none. The person need not be linked to a symbol. Waits while a file that names one of the
    /// replicas is being taken over.
    ///
    /// The entry in the ledger is written first: it says what was accepted, also when the state then fails.
    ///
    /// # Errors
    /// When a draft is not as its layout wants it: every flaw of every draft, up to [`FLAWS_MAX`]; when the record or
    /// the state cannot be written.
    pub async fn register_replicas(
        &self,
        drafts: Vec<ReplicaDraft>,
        now: Timestamp,
    ) -> Result<Registered, ActFault> {
        let (checked, flaws) = self.check_drafts(drafts.into_iter().enumerate());
        if !flaws.is_empty() {
            return Err(Refusal::Malformed(flaws).into());
        }
        let checked = checked.into_iter();
        let replicas: Vec<_> = checked.map(|checked| checked.register(now, 1)).collect();
        let count = replicas.len();
        let names: Vec<_> = replicas.iter().map(ReplicaName::of).collect();
        self.await_takeover(&names).await?;
        let entry = Entry::ReplicasRegistered {
            count: u64::try_from(count).unwrap_or(u64::MAX),
        };
        let (records, state) = (&self.around.records, &self.around.state);
        records.write(self.keeper(), &entry, now).await?;
        let mut attempts = ATTEMPTS;
        loop {
            attempts -= 1;
            let written = state.register_replicas(self.profile.code, replicas.clone());
            match written.await {
                Err(StoreFault::Conflict { .. }) if attempts > 0 => {}
                written => {
                    let new = written?;
                    let replaced = count - new;
                    return Ok(Registered { new, replaced });
                }
            }
        }
    }

    /// What is wrong with these drafts, each with its place in the request; registers nothing.
    pub fn replica_flaws(
        &self,
        drafts: impl IntoIterator<Item = (usize, ReplicaDraft)>,
    ) -> Vec<FieldFlaw> {
        self.check_drafts(drafts).1
    }

    fn check_drafts(
        &self,
        drafts: impl IntoIterator<Item = (usize, ReplicaDraft)>,
    ) -> (Vec<CheckedReplica>, Vec<FieldFlaw>) {
        let (mut passed, mut flaws) = (Vec::new(), Vec::new());
        let mut places = HashMap::new();
        for (at, draft) in drafts {
            let name = (
                draft.addressee,
                draft.specific_info,
                draft.record_key.clone(),
            );
            if let Some(first) = places.insert(name, at) {
                flaws.push(named_before("replicas", at, first, ".key"));
            }
            match self.check_draft(at, draft) {
                Ok(checked) => passed.push(checked),
                Err(found) => flaws.extend(found),
            }
            if flaws.len() >= FLAWS_MAX {
                flaws.truncate(FLAWS_MAX);
                break;
            }
        }
        (passed, flaws)
    }

    pub(super) fn check_draft(
        &self,
        at: usize,
        draft: ReplicaDraft,
    ) -> Result<CheckedReplica, Vec<FieldFlaw>> {
        let (layouts, info) = (&self.around.layouts, draft.specific_info);
        let of_info = |en: &str, ja: &str| {
            let field = format!("replicas[{at}].key.specific_info");
            vec![FieldFlaw::new(field, en, ja)]
        };
        if layouts.versions(info).is_empty() {
            let ja = "この特定個人情報名コードのレイアウトはありません";
            return Err(of_info("has no layout here", ja));
        }
        if !self.profile.holds.contains(&info) {
            let ja = "この機関が保有する特定個人情報ではありません";
            return Err(of_info("is not held by this institution", ja));
        }
        let layout = layouts.find(info, &draft.layout_version).map_err(|no| {
            let field = format!("replicas[{at}].layout_version");
            vec![FieldFlaw::new(field, no.to_string(), no.ja())]
        })?;
        check(layout, draft)
            .map_err(|found| found.iter().map(|flaw| field_flaw(at, flaw)).collect())
    }

    /// Deletes replicas, all or none. Returns how many there were. Waits while a file that names one of them is being taken
    /// over.
    ///
    /// The entry in the ledger is written first: it says what was accepted, also when the state then fails.
    ///
    /// # Errors
    /// When one is named twice or is not there: all such names, up to [`FLAWS_MAX`]; when the record or the state
    /// cannot be written.
    pub async fn delete_replicas(
        &self,
        names: &[ReplicaName],
        now: Timestamp,
    ) -> Result<usize, ActFault> {
        refuse_repetition(names)?;
        self.await_takeover(names).await?;
        self.refuse_unknown(names)?;
        let entry = Entry::ReplicasDeleted {
            count: u64::try_from(names.len()).unwrap_or(u64::MAX),
        };
        let (records, state) = (&self.around.records, &self.around.state);
        records.write(self.keeper(), &entry, now).await?;
        let mut attempts = ATTEMPTS;
        loop {
            attempts -= 1;
            match state.delete_replicas(self.profile.code, names).await {
                Err(StoreFault::Conflict { .. }) if attempts > 0 => self.refuse_unknown(names)?,
                deleted => {
                    deleted?;
                    return Ok(names.len());
                }
            }
        }
    }

    /// A file that names one of these replicas comes first: who gives up waiting has changed and recorded nothing.
    async fn await_takeover(&self, names: &[ReplicaName]) -> Result<(), ActFault> {
        let state = &self.around.state;
        state.undisturbed(self.profile.code, names).await?;
        Ok(())
    }

    fn refuse_unknown(&self, names: &[ReplicaName]) -> Result<(), ActFault> {
        let mut unknown = Vec::new();
        for (at, name) in names.iter().enumerate() {
            let known = self.around.state.replica(self.profile.code, name)?;
            if known.is_none() && unknown.len() < FLAWS_MAX {
                let (en, ja) = ("is not registered", "登録されていません");
                unknown.push(FieldFlaw::new(format!("keys[{at}]"), en, ja));
            }
        }
        if unknown.is_empty() {
            return Ok(());
        }
        Err(Refusal::ReplicasUnknown(unknown).into())
    }

    /// One replica.
    ///
    /// # Errors
    /// When it is not registered, or the state cannot be read.
    pub fn replica(&self, name: &ReplicaName) -> Result<Replica, ActFault> {
        let found = self.around.state.replica(self.profile.code, name)?;
        Ok(found.ok_or(Refusal::NotFound(Thing::Replica))?)
    }

    /// The replicas of a person, of one specific information or of all, in the order of their names.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn replicas(
        &self,
        person: AddresseeNumber,
        info: Option<SpecificInfoCode>,
        page: Page,
    ) -> Result<PageOf<Replica>, ActFault> {
        let state = &self.around.state;
        Ok(state.replicas(self.profile.code, person, info, page)?)
    }
}

fn refuse_repetition(names: &[ReplicaName]) -> Result<(), Refusal> {
    let mut places = HashMap::new();
    let repeated = names.iter().enumerate().filter_map(|(at, name)| {
        let first = places.insert(name, at)?;
        Some(named_before("keys", at, first, ""))
    });
    let repeated: Vec<_> = repeated.take(FLAWS_MAX).collect();
    if repeated.is_empty() {
        return Ok(());
    }
    Err(Refusal::Malformed(repeated))
}

fn named_before(list: &str, at: usize, before: usize, key: &str) -> FieldFlaw {
    let en = format!("is the same as {list}[{before}]{key}");
    let ja = format!("{list}[{before}]{key}と重複しています");
    FieldFlaw::new(format!("{list}[{at}]{key}"), en, ja)
}

/// The flaw under the names that the fields have in the request.
fn field_flaw(at: usize, flaw: &FormFlaw) -> FieldFlaw {
    let path = match flaw.path.as_str() {
        "record_key" => "key.record_key".to_owned(),
        "date" => "record_date".to_owned(),
        path => match path.strip_suffix(".code") {
            None => path.to_owned(),
            Some(owner) if owner.rsplit('.').next().is_some_and(is_item) => {
                format!("{owner}.item_code")
            }
            Some(owner) => format!("{owner}.data_set_code"),
        },
    };
    let field = format!("replicas[{at}].{path}");
    FieldFlaw::new(field, flaw.why.to_string(), flaw.why.ja())
}

fn is_item(segment: &str) -> bool {
    segment.starts_with("items[")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::form_flaw::Misfit;

    #[test]
    fn a_flaw_names_the_field_as_the_request_does() {
        let cases = [
            ("record_key", "replicas[3].key.record_key"),
            ("date", "replicas[3].record_date"),
            (
                "content[0].items[2].value",
                "replicas[3].content[0].items[2].value",
            ),
            (
                "content[0].items[2].code",
                "replicas[3].content[0].items[2].item_code",
            ),
            (
                "content[0].children[1].code",
                "replicas[3].content[0].children[1].data_set_code",
            ),
        ];
        for (path, field) in cases {
            let flaw = FormFlaw {
                path: path.into(),
                why: Misfit::Empty,
                shape: None,
            };
            assert_eq!(field_flaw(3, &flaw).field, field);
        }
    }
}
