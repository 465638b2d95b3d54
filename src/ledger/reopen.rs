//! Reading a ledger back without reading all of it: of a segment whose index is borne out by signed checkpoints, the index and the
//! two ends are enough.

use std::path::Path;

use super::{
    checkpoint::Checkpoint,
    fault::{Damage, LedgerFault},
    index::Index,
    recover::{Recovered, damaged, each_segment, summarize},
    segment::{Depth, Summary},
};

/// A segment as it was read.
enum Read {
    Whole(Summary),
    Indexed(Index),
}

impl Recovered {
    /// Reads the last segment in `dir` and those whose index is not there, does not fit or is not covered by `checkpoints`; of the
    /// others the index and the two ends. When the segments' links or the signed roots contradict the indexes, every segment is read.
    ///
    /// # Errors
    /// As [`Recovered::read`] and [`Recovered::reaches`], for what the segments themselves say.
    pub(super) fn reopen(dir: &Path, checkpoints: &[Checkpoint]) -> Result<Self, LedgerFault> {
        let reaching = |recovered: Self| {
            recovered.reaches(dir, checkpoints)?;
            Ok(recovered)
        };
        let covered = |index: &Index| is_covered(index, checkpoints);
        let indexed = Self::read_some(dir, covered).and_then(reaching);
        indexed.or_else(|fault| {
            tracing::warn!(%fault, "the ledger is read whole");
            Self::read_some(dir, |_| false).and_then(reaching)
        })
    }

    fn read_some(
        dir: &Path,
        relies_on: impl Fn(&Index) -> bool + Sync,
    ) -> Result<Self, LedgerFault> {
        let read = |number, total| {
            let index = (number < total).then(|| Index::load(dir, number)).flatten();
            match index.filter(&relies_on) {
                Some(index) => Ok(Read::Indexed(index)),
                None => summarize(dir, number, total, Depth::Checksum).map(Read::Whole),
            }
        };
        let mut recovered = Self::default();
        each_segment(
            dir,
            read,
            |_| (),
            |read, total| match read {
                Read::Indexed(index) => recovered.adopt(dir, &index),
                Read::Whole(summary) => {
                    recovered.read_whole += 1;
                    recovered.forest.fill(dir)?;
                    recovered.add(dir, &summary, total)?;
                    if summary.ends.header.number == total {
                        recovered.last_leaves = summary.leaves;
                        return Ok(());
                    }
                    let index = Index::put(dir, summary.ends, &summary.leaves, |tree, of| {
                        recovered.forest.blocks(tree, of)
                    });
                    index
                        .iter()
                        .for_each(|index| recovered.forest.release(index));
                    Ok(())
                }
            },
        )?;
        Ok(recovered)
    }

    fn adopt(&mut self, dir: &Path, index: &Index) -> Result<(), LedgerFault> {
        let ends = index.ends;
        self.links(dir, ends.header)?;
        self.forest.segment_starts.push(self.forest.sequence);
        let adopted = self.forest.adopt(index);
        adopted.map_err(|_| damaged(dir, ends.header.number, 0, Damage::Order))?;
        self.last = Some(ends);
        Ok(())
    }
}

/// Whether signed roots cover all that the index says of its trees.
fn is_covered(index: &Index, checkpoints: &[Checkpoint]) -> bool {
    index.trees.iter().all(|part| {
        let mut signed = checkpoints.iter().filter(|head| head.tree == part.tree);
        signed.any(|head| part.end_leaf() <= head.size)
    })
}
