//! 廃棄: what has been kept for seven years is destroyed at one owner, when somebody has approved it.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use jiff::Timestamp;

use super::{World, WorldFault, new_state, open::time_in};
use crate::{
    domain::{
        codes::InstitutionCode,
        record::Entry,
        refusal::Refusal,
        retention::{LEGAL_BASIS, kept_long_enough},
        staff::{Act, Actor},
    },
    institution::AtWork,
    ledger::{Disposable, Progress, walk},
    store::{Keeper, is_disposal},
};

/// What an owner of records may dispose of now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disposal {
    /// What was recorded before this has been kept long enough.
    pub recorded_before: Timestamp,
    /// What there is of it, tree by tree.
    pub trees: Vec<Disposable>,
}

impl Disposal {
    /// How many entries there are.
    pub fn entries(&self) -> u64 {
        self.trees.iter().map(|of| of.entries).sum()
    }
}

impl World {
    /// What a keeper of records may dispose of now.
    ///
    /// # Errors
    /// When an entry cannot be read.
    pub fn disposal(&self, keeper: Keeper) -> Result<Disposal, WorldFault> {
        let line = kept_long_enough(self.now()).ok_or(Refusal::NothingToDispose)?;
        Ok(Disposal {
            recorded_before: line,
            trees: self.records.disposable(keeper, line)?,
        })
    }

    /// Has an institution's records disposed of that have been kept long enough. Returns what was destroyed.
    ///
    /// # Errors
    /// When the member of staff may not, or there is nothing; when the disposal cannot be recorded: then nothing is destroyed.
    pub async fn dispose_records(
        self: &Arc<Self>,
        institution: InstitutionCode,
        staff: AtWork,
    ) -> Result<Disposal, WorldFault> {
        let world = Arc::clone(self);
        self.see_through(async move {
            let server = world.server(institution)?;
            let act = Act::DisposeRecords;
            let approved = server.begin_act(&staff, act, None, world.now()).await?;
            let by = Some(approved.actor());
            world.dispose(Keeper::Institution(institution), by).await
        })
        .await
    }

    /// Has the core system's records disposed of that have been kept long enough. Returns what was destroyed.
    ///
    /// # Errors
    /// As [`Self::dispose_records`].
    pub async fn dispose_core_records(self: &Arc<Self>) -> Result<Disposal, WorldFault> {
        let world = Arc::clone(self);
        self.see_through(async move { world.dispose(Keeper::Core, None).await })
            .await
    }

    /// The record of the disposal first; a crash after it has the rest done at the next opening.
    pub(super) async fn dispose(
        &self,
        keeper: Keeper,
        approved_by: Option<Actor>,
    ) -> Result<Disposal, WorldFault> {
        let disposal = self.disposal(keeper)?;
        let times = disposal.trees.iter().map(|of| (of.first_ms, of.last_ms));
        let times = times.reduce(|all, of| (all.0.min(of.0), all.1.max(of.1)));
        let (first_ms, last_ms) = times.ok_or(Refusal::NothingToDispose)?;
        let moment = |ms| Timestamp::from_millisecond(ms).unwrap_or(disposal.recorded_before);
        let entry = Entry::Disposed {
            recorded_before: disposal.recorded_before,
            entries: disposal.entries(),
            first: moment(first_ms),
            last: moment(last_ms),
            legal_basis: LEGAL_BASIS.to_owned(),
            approved_by,
        };
        let recorded = self.records.write(keeper, &entry, self.now()).await?;
        self.records
            .dispose(keeper, disposal.recorded_before)
            .await?;
        drop(recorded);
        self.renew_state().await;
        Ok(disposal)
    }

    /// Lets no file of the state hold what has been disposed of.
    pub(super) async fn renew_state(&self) {
        let _alone = self.renewal.lock().await;
        new_state::renew(&self.dir, &self.state, self.watch.room_kept()).await;
    }
}

/// What all keepers of the world in `dir` may dispose of now, tree by tree, read from its ledger as it lies there. A backup brings
/// back what was disposed of after it was made: this tells.
///
/// # Errors
/// When the world's description or its ledger cannot be read.
pub fn disposable_in(
    dir: &Path,
    progress: impl FnMut(Progress),
) -> Result<Vec<Disposable>, WorldFault> {
    let Some(line) = kept_long_enough(time_in(dir)?) else {
        return Ok(Vec::new());
    };
    let before_ms = line.as_millisecond();
    let mut found = BTreeMap::new();
    walk(&dir.join("ledger"), progress, |stored| {
        if stored.at_ms < before_ms && !is_disposal(&stored.body) {
            Disposable::count(&mut found, stored.tree, stored.at_ms);
        }
    })?;
    Ok(found.into_values().collect())
}
