//! Logs on standard error, as text or JSON; never metadata or bodies of a call.

use std::{
    io::{self, IsTerminal},
    panic,
};

use tracing_subscriber::{EnvFilter, filter::ParseError, fmt, util::TryInitError};
use tracing_subscriber::{layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::config::{LogConfig, LogFormat};

/// Starts logging for the whole process; a second start is refused.
///
/// A panic is logged with its place only: its message might quote what was being worked on.
///
/// # Errors
/// When the filter cannot be read, or logging was started before.
pub fn start(config: &LogConfig) -> Result<(), TelemetryFault> {
    let filter = EnvFilter::try_new(&config.filter)?;
    let registry = tracing_subscriber::registry().with(filter);
    let lines = fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    match config.format {
        LogFormat::Text => registry.with(lines).try_init()?,
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init()?,
    }
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "panic");
    }));
    Ok(())
}

/// Logging could not be started.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryFault {
    /// The filter cannot be read.
    #[error("log.filter: {0}")]
    Filter(#[from] ParseError),
    /// Logging was started before.
    #[error("logging is started already")]
    Started(#[from] TryInitError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_cannot_be_read_is_refused_by_its_key() {
        let config = LogConfig {
            filter: "chukan=loud".to_owned(),
            ..LogConfig::default()
        };
        let fault = start(&config).unwrap_err().to_string();
        assert!(fault.starts_with("log.filter: "), "{fault}");
    }
}
