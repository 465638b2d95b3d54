//! `chukan completions`: completion scripts for shells.

use std::io::Write as _;

use clap::{Args, CommandFactory};

use super::{Cli, fault::CliFault, japanese::japanese};

#[derive(Debug, Args)]
pub(super) struct Completions {
    /// bash、zsh、fish、elvish、powershell のいずれか
    shell: clap_complete::Shell,
}

impl Completions {
    pub(super) fn run(self) -> Result<(), CliFault> {
        let mut command = japanese(Cli::command());
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "chukan", &mut script);
        Ok(std::io::stdout().write_all(&script)?)
    }
}
