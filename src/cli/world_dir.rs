//! A world's directory, for commands that read it without a server.

use std::path::PathBuf;

use clap::Args;
use indicatif::ProgressBar;

use super::{fault::CliFault, start::draw_target};
use crate::{
    ledger::Progress,
    world::{DEFAULT_WORLD, WorldName},
};

/// Which world of which data directory.
#[derive(Debug, Args)]
pub(super) struct WorldDir {
    /// データディレクトリー
    #[arg(long, value_name = "DIR", default_value = "chukan-data")]
    pub(super) data: PathBuf,
    /// 世界の名前
    #[arg(long, value_name = "NAME", default_value = DEFAULT_WORLD)]
    pub(super) world: String,
}

impl WorldDir {
    /// The name, and the directory, which is there.
    pub(super) fn find(&self) -> Result<(WorldName, PathBuf), CliFault> {
        let world: WorldName = self
            .world
            .parse()
            .map_err(|_| CliFault::Said("世界の名前が正しくありません"))?;
        let dir = self.data.join("worlds").join(world.as_str());
        if dir.is_dir() {
            return Ok((world, dir));
        }
        Err(CliFault::Explained(format!(
            "世界のディレクトリーがありません: {}",
            dir.display()
        )))
    }
}

/// A bar over segments of a ledger.
pub(super) fn segments() -> (ProgressBar, impl FnMut(Progress)) {
    let bar = ProgressBar::with_draw_target(Some(0), draw_target());
    let shown = bar.clone();
    (bar, move |at: Progress| {
        shown.set_length(at.segments_total);
        shown.set_position(at.segments);
    })
}
