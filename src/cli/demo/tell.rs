//! How the demonstration is set on the terminal.

use std::{
    io::{IsTerminal, Result, Write as _, stdout},
    time::Duration,
};

use super::{INQUIRER, Scene};
use crate::cli::start::Started;

/// A heading between two parts.
pub(super) fn heading(text: &str) -> Result<()> {
    if stdout().is_terminal() {
        writeln!(stdout(), "\n\x1b[1m{text}\x1b[0m")
    } else {
        writeln!(stdout(), "\n{text}")
    }
}

/// What the world holds.
pub(super) fn world(started: &Started, scene: &Scene, took: Duration) -> Result<()> {
    writeln!(
        stdout(),
        "  データ     {}（{:.1}秒で準備）",
        started.config.data.display(),
        took.as_secs_f64()
    )?;
    for world in started.worlds.list() {
        writeln!(
            stdout(),
            "  世界       {}: 住民{}人、種{}、時計 {}",
            world.name(),
            world.people(),
            world.seed(),
            world.now()
        )?;
        for institution in world.directory().iter() {
            let role = match &institution.resolves_to {
                Some(city) => format!("→ {city} で照会を受ける"),
                None if institution.code.as_str() == INQUIRER => "← この説明の照会者".to_owned(),
                None => String::new(),
            };
            writeln!(
                stdout(),
                "    {}  {}（{}）{role}",
                institution.code,
                institution.name,
                institution.class
            )?;
        }
    }
    writeln!(
        stdout(),
        "  サーバー   {}（TLS 1.3、相互認証）",
        scene.endpoint
    )
}

/// A duration as a person reads it.
pub(super) fn took(duration: Option<prost_types::Duration>) -> String {
    let duration = duration.and_then(|duration| Duration::try_from(duration).ok());
    let duration = duration.unwrap_or_default();
    format!("{:.2} ms", duration.as_secs_f64() * 1_000.0)
}

/// The first and the last digits of an identifier that is long.
pub(super) fn short(bytes: &[u8]) -> String {
    let hex = data_encoding::HEXLOWER.encode(bytes);
    match hex.get(..16) {
        Some(head) => format!("{head}…"),
        None => hex,
    }
}
