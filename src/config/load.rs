//! From the sources to one configuration: flags before the environment, before the file, before the defaults.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize as _;
use toml::{Table, Value};

use super::{Config, ConfigFlaw};

/// The one variable of the environment that is not a key: it names the file, and the command line reads it.
pub const CONFIG_FILE_VARIABLE: &str = "CHUKAN_CONFIG";

const PREFIX: &str = "CHUKAN_";

/// Every key, as it is written in the file and in flags. A test compares them with the structs.
const KEYS: [&str; 64] = [
    "data",
    "server.listen",
    "server.message_bytes_max",
    "server.header_bytes_max",
    "server.streams_max",
    "server.calls_max",
    "server.calls_each_max",
    "server.connections_max",
    "server.handshakes_max",
    "server.handshake_ms_max",
    "server.request_ms_max",
    "server.stalled_ms_max",
    "server.drain_ms_max",
    "server.keepalive_interval_ms",
    "server.keepalive_ms_max",
    "server.revocation_interval_ms",
    "console.enabled",
    "console.listen",
    "console.plain_http",
    "console.connections_max",
    "console.handshakes_max",
    "console.handshake_ms_max",
    "console.header_ms_max",
    "console.request_ms_max",
    "metrics.listen",
    "metrics.token",
    "log.format",
    "log.filter",
    "inquiry.result_retention_days",
    "inquiry.permit_seconds",
    "inquiry.permission_list_days",
    "inquiry.acquisition_serial_hours",
    "inquiry.inquiries_each_max",
    "inquiry.message_bytes_max",
    "inquiry.download_hours",
    "inquiry.sealing_answers_max",
    "inquiry.sealing_minutes",
    "hold.four_eyes",
    "hold.wait_days",
    "hold.overdue",
    "folder.path",
    "folder.interval_ms",
    "folder.encoding",
    "folder.taking",
    "staff.password_characters_min",
    "staff.password_days",
    "staff.passwords_remembered",
    "staff.failures_max",
    "staff.idle_minutes",
    "staff.session_minutes",
    "staff.opens_hour",
    "staff.closes_hour",
    "staff.failures_found",
    "staff.unused_days",
    "staff.volume_max",
    "staff.training_accounts",
    "store.cache_bytes",
    "store.disk_bytes_low",
    "store.disk_bytes_min",
    "store.unwitnessed_seconds_max",
    "backup.folder",
    "backup.daily_at",
    "backup.recipient",
    "backup.keep",
];

/// Who set a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody.
    Default,
    /// This file.
    File(PathBuf),
    /// This variable of the environment.
    Variable(String),
    /// A flag.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Variable(name) => write!(f, "{name}"),
            Self::Flag => f.write_str("flag"),
        }
    }
}

/// What the flags say, as pairs of key and value, such as `("server.listen", "127.0.0.1:0")`.
pub type Overrides = Vec<(String, String)>;

/// A checked configuration that still knows who set what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    origins: BTreeMap<&'static str, Origin>,
}

impl Config {
    /// Reads and checks the configuration.
    ///
    /// `environment` may hold anything; only names that begin with `CHUKAN_` are looked at: the key in capitals
    /// with `_` for `.`, such as `CHUKAN_SERVER_LISTEN`.
    ///
    /// # Errors
    /// The first flaw met: the file, then the environment, then the flags, then values outside their limits.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        overrides: &Overrides,
    ) -> Result<Loaded, ConfigFlaw> {
        let mut merged = Merged::default();
        if let Some(path) = file {
            merged.take_file(path)?;
        }
        for (name, text) in environment {
            if name.starts_with(PREFIX) && name != CONFIG_FILE_VARIABLE {
                merged.take_variable(name, &text)?;
            }
        }
        for (key, text) in overrides {
            let known = KEYS.iter().find(|known| *known == key);
            let key = known.ok_or_else(|| ConfigFlaw::UnknownKey {
                key: key.clone(),
                known: &KEYS,
            })?;
            merged.take(key, text, Origin::Flag)?;
        }
        merged.finish()
    }

    fn ranges(&self) -> Vec<super::flaw::Range> {
        let mut ranges = self.server.ranges();
        ranges.extend(self.console.ranges());
        ranges.extend(self.inquiry.ranges());
        ranges.extend(self.hold.ranges());
        ranges.extend(self.folder.ranges());
        ranges.extend(self.staff.ranges());
        ranges.extend(self.store.ranges());
        ranges.extend(self.backup.ranges());
        ranges
    }
}

impl Loaded {
    /// Who set `key`; [`Origin::Default`] also for a key that does not exist.
    pub fn origin(&self, key: &str) -> Origin {
        self.origins.get(key).cloned().unwrap_or(Origin::Default)
    }

    /// The keys of a section with their values as TOML writes them, in the order of the file.
    pub fn section<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'static str, String)> {
        let values = Table::try_from(&self.config).unwrap_or_default();
        let keys = KEYS.into_iter().filter(move |key| split(key).0 == name);
        keys.filter_map(move |key| Some((key, value_at(&values, key)?.to_string())))
    }

    /// The whole configuration as TOML, with a comment on each line that says who set it. Secrets are shown as `***`.
    pub fn effective(&self) -> String {
        self.written(&KEYS)
    }

    /// Like [`Loaded::effective`], without what nobody has set.
    pub fn chosen(&self) -> String {
        let set = KEYS.into_iter();
        let set: Vec<_> = set
            .filter(|key| self.origin(key) != Origin::Default)
            .collect();
        self.written(&set)
    }

    fn written(&self, keys: &[&str]) -> String {
        let values = Table::try_from(&self.config).unwrap_or_default();
        let mut text = String::new();
        let mut section_before = "";
        for key in keys.iter().copied() {
            let (section, name) = split(key);
            if section != section_before {
                let _written = writeln!(text, "\n[{section}]");
                section_before = section;
            }
            let origin = self.origin(key);
            let _written = match value_at(&values, key) {
                Some(value) => writeln!(text, "{name} = {value} # {origin}"),
                None => writeln!(text, "# {name} is not set"),
            };
        }
        text
    }
}

#[derive(Default)]
struct Merged {
    values: Table,
    origins: BTreeMap<&'static str, Origin>,
}

impl Merged {
    fn take_file(&mut self, path: &Path) -> Result<(), ConfigFlaw> {
        let text = fs::read_to_string(path).map_err(|source| ConfigFlaw::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let flaw = |error: toml::de::Error| ConfigFlaw::InFile {
            path: path.to_owned(),
            line: line_of(&text, error.span().map_or(0, |span| span.start)),
            why: error.message().to_owned(),
        };
        toml::from_str::<Config>(&text).map_err(flaw)?;
        self.values = toml::from_str(&text).map_err(flaw)?;
        for key in KEYS {
            if value_at(&self.values, key).is_some() {
                self.origins.insert(key, Origin::File(path.to_owned()));
            }
        }
        Ok(())
    }

    fn take_variable(&mut self, name: String, text: &str) -> Result<(), ConfigFlaw> {
        match KEYS.iter().find(|key| variable(key) == name) {
            Some(key) => self.take(key, text, Origin::Variable(name)),
            None => Err(ConfigFlaw::UnknownVariable {
                name,
                known: KEYS.iter().map(|key| variable(key)).collect(),
            }),
        }
    }

    /// Tries the value alone first, so that the flaw names its source.
    fn take(&mut self, key: &'static str, text: &str, origin: Origin) -> Result<(), ConfigFlaw> {
        let number = text.parse().ok().map(Value::Integer);
        let truth = text.parse().ok().map(Value::Boolean);
        let value = number
            .or(truth)
            .filter(|value| readable(key, value).is_ok())
            .unwrap_or_else(|| Value::String(text.to_owned()));
        if let Err(error) = readable(key, &value) {
            return Err(ConfigFlaw::BadValue {
                key,
                origin,
                why: error.message().to_owned(),
            });
        }
        put(&mut self.values, key, value);
        self.origins.insert(key, origin);
        Ok(())
    }

    fn finish(self) -> Result<Loaded, ConfigFlaw> {
        let Self { values, origins } = self;
        let config = Config::deserialize(Value::Table(values)).map_err(|error| {
            // Each value was read alone before, so the whole can be read as well.
            ConfigFlaw::BadValue {
                key: "data",
                origin: Origin::Default,
                why: error.message().to_owned(),
            }
        })?;
        let loaded = Loaded { config, origins };
        if let Some(range) = loaded.config.ranges().into_iter().find(|r| !r.holds()) {
            return Err(ConfigFlaw::OutOfRange {
                key: range.key,
                value: range.value,
                min: range.min,
                max: range.max,
                origin: loaded.origin(range.key),
            });
        }
        let console = &loaded.config.console;
        if console.plain_http && !console.listen.ip().is_loopback() {
            return Err(ConfigFlaw::PlainHttpNotLoopback {
                listen: console.listen,
                origin: loaded.origin("console.plain_http"),
            });
        }
        let backup = &loaded.config.backup;
        if (backup.folder.is_some() || backup.recipient.is_some()) && backup.key().is_none() {
            return Err(ConfigFlaw::BackupRecipient {
                origin: loaded.origin("backup.recipient"),
            });
        }
        match loaded.config.metrics.listen {
            Some(listen) if !listen.ip().is_loopback() => Err(ConfigFlaw::MetricsNotLoopback {
                listen,
                origin: loaded.origin("metrics.listen"),
            }),
            Some(_) | None => Ok(loaded),
        }
    }
}

fn readable(key: &str, value: &Value) -> Result<Config, toml::de::Error> {
    let mut alone = Table::new();
    put(&mut alone, key, value.clone());
    Config::deserialize(Value::Table(alone))
}

fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "_").to_uppercase())
}

fn split(key: &str) -> (&str, &str) {
    key.split_once('.').unwrap_or(("", key))
}

fn value_at<'a>(values: &'a Table, key: &str) -> Option<&'a Value> {
    match split(key) {
        ("", name) => values.get(name),
        (section, name) => values.get(section)?.get(name),
    }
}

fn put(values: &mut Table, key: &str, value: Value) {
    let (section, name) = split(key);
    let table = if section.is_empty() {
        Some(values)
    } else {
        let section = values
            .entry(section)
            .or_insert_with(|| Value::Table(Table::new()));
        section.as_table_mut()
    };
    if let Some(table) = table {
        table.insert(name.to_owned(), value);
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().iter().take(offset);
    1 + before.filter(|byte| **byte == b'\n').count()
}

#[cfg(test)]
mod tests;
