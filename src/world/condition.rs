//! What is not as it should be with a world: the one place that knows, for health, metrics, the log and the terminal.
//!
//! The world looks twice a second ([`World::watch`]); what it saw last counts until it looks again.

use std::{
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::Timestamp;

use super::{World, clock::computer_time};
use crate::domain::{refusal::Refusal, unready::Unready};

/// How often the world looks.
pub(super) const LOOKED_EVERY: Duration = Duration::from_millis(500);

/// A step of the computer's clock that is taken for a jump (ours).
const JUMP_MIN: Duration = Duration::from_secs(60);

/// How long a jump is shown (ours).
const JUMP_SHOWN: Duration = Duration::from_secs(3600);

/// Something that is not as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    /// A write or sync failed: nothing is written until the process is started again.
    WritingFailed,
    /// The disk has less room than records need. Nothing is begun; it goes on by itself when there is room.
    DiskFull,
    /// The disk will soon be full.
    DiskLow,
    /// Trees have grown, and for too long no checkpoint with the witness's signature could be made.
    WitnessMissing,
    /// The copy of the permission list of at least one institution is too old: its exchanges end with `21`.
    ListStale,
    /// The computer's clock has jumped within the last hour: times on record may be wrong.
    ClockJumped,
    /// The daily backup is late or has failed, and was not made up for.
    BackupOverdue,
}

/// When a condition begins.
#[derive(Debug, Clone, Copy)]
pub struct WatchRules {
    /// Below so many free bytes the disk is low.
    pub disk_bytes_low: u64,
    /// Below so many free bytes the disk is full.
    pub disk_bytes_min: u64,
    /// How long the witness's signature may be missing.
    pub unwitnessed_max: Duration,
}

/// What was seen last.
#[derive(Debug)]
pub(super) struct Watch {
    rules: WatchRules,
    free_bytes: AtomicU64,
    jumped: AtomicBool,
    clock: Mutex<ClockWatch>,
    unwitnessed_since: Mutex<Option<Instant>>,
    told: Mutex<Vec<Condition>>,
}

/// Compares the computer's clock with one that only ever counts seconds.
#[derive(Debug, Default)]
struct ClockWatch {
    last: Option<(Timestamp, Instant)>,
    jumped_at: Option<Instant>,
}

impl Condition {
    /// Every condition.
    pub const ALL: [Self; 7] = [
        Self::WritingFailed,
        Self::DiskFull,
        Self::DiskLow,
        Self::WitnessMissing,
        Self::ListStale,
        Self::ClockJumped,
        Self::BackupOverdue,
    ];

    /// Its name in metrics, health and the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::WritingFailed => "writing_failed",
            Self::DiskFull => "disk_full",
            Self::DiskLow => "disk_low",
            Self::WitnessMissing => "witness_missing",
            Self::ListStale => "permission_list_stale",
            Self::ClockJumped => "clock_jumped",
            Self::BackupOverdue => "backup_overdue",
        }
    }

    /// Whether services cannot be used while it lasts.
    pub fn stops_service(self) -> bool {
        match self {
            Self::WritingFailed | Self::DiskFull => true,
            Self::DiskLow
            | Self::WitnessMissing
            | Self::ListStale
            | Self::ClockJumped
            | Self::BackupOverdue => false,
        }
    }

    /// What it is and what to do, for the staff.
    pub fn ja(self) -> &'static str {
        match self {
            Self::WritingFailed => {
                "記録を書き込めないため、処理を停止しています。ログを確認し、サーバーを再起動してください。"
            }
            Self::DiskFull => {
                "ディスクの空き容量が不足しているため、受け付けを停止しています。空きができると自動的に再開します。"
            }
            Self::DiskLow => "ディスクの空き容量が少なくなっています。",
            Self::WitnessMissing => "記録木の連署が、定められた時間を超えて行われていません。",
            Self::ListStale => {
                "照会許可照合リストの写しが古い機関があります。写しを更新するまで、照会は終了します。"
            }
            Self::ClockJumped => "サーバーの時計が大きく変わりました。時刻を確認してください。",
            Self::BackupOverdue => {
                "日次のバックアップが取得できていません。保存先とログを確認してください。"
            }
        }
    }
}

impl Default for WatchRules {
    fn default() -> Self {
        Self {
            disk_bytes_low: 1 << 30,
            disk_bytes_min: 64 << 20,
            unwitnessed_max: Duration::from_secs(600),
        }
    }
}

impl Watch {
    pub(super) fn new(rules: WatchRules) -> Self {
        Self {
            rules,
            free_bytes: AtomicU64::new(u64::MAX),
            jumped: AtomicBool::new(false),
            clock: Mutex::default(),
            unwitnessed_since: Mutex::default(),
            told: Mutex::default(),
        }
    }

    /// Looks at the disk of `dir`. What cannot be looked at is left as it was seen last.
    pub(super) fn look_at_disk(&self, dir: &Path) {
        match fs2::available_space(dir) {
            Ok(bytes) => self.free_bytes.store(bytes, Ordering::Relaxed),
            Err(fault) => {
                tracing::warn!(dir = %dir.display(), %fault, "the room on the disk cannot be looked at");
            }
        }
    }

    fn look_at_clock(&self) {
        let mut clock = self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        let jumped = clock.see(computer_time(), Instant::now());
        self.jumped.store(jumped, Ordering::Relaxed);
    }

    /// Notes whether every tree could be signed and cosigned.
    pub(super) fn witnessed(&self, all: bool) {
        let since = self.unwitnessed_since.lock();
        let mut since = since.unwrap_or_else(PoisonError::into_inner);
        *since = match *since {
            _ if all => None,
            None => Some(Instant::now()),
            earlier => earlier,
        };
    }

    fn has_room(&self) -> bool {
        self.free_bytes.load(Ordering::Relaxed) >= self.rules.disk_bytes_min
    }

    /// How many bytes of the disk what can wait leaves free.
    pub(super) fn room_kept(&self) -> u64 {
        self.rules.disk_bytes_low
    }

    /// Whether the last signing failed.
    pub(super) fn misses_witness(&self) -> bool {
        let since = self.unwitnessed_since.lock();
        since.unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn is_unwitnessed(&self) -> bool {
        let since = self.unwitnessed_since.lock();
        let since = since.unwrap_or_else(PoisonError::into_inner);
        since.is_some_and(|since| since.elapsed() >= self.rules.unwitnessed_max)
    }
}

impl ClockWatch {
    /// Whether a jump is to be shown, now that the clocks show this.
    fn see(&mut self, shown: Timestamp, steady: Instant) -> bool {
        if let Some((shown_before, steady_before)) = self.last.replace((shown, steady)) {
            let passed = steady.duration_since(steady_before);
            let stepped = shown.duration_since(shown_before);
            let passed = jiff::SignedDuration::try_from(passed).unwrap_or_default();
            if stepped.saturating_sub(passed).unsigned_abs() > JUMP_MIN {
                self.jumped_at = Some(steady);
            }
        }
        self.jumped_at
            .is_some_and(|at| steady.duration_since(at) < JUMP_SHOWN)
    }
}

impl World {
    /// What is not as it should be, the worst first.
    pub fn conditions(&self) -> Vec<Condition> {
        let now = self.now();
        let is_full = !self.watch.has_room();
        let holds = |condition: &Condition| match condition {
            Condition::WritingFailed => !self.is_writable(),
            Condition::DiskFull => is_full,
            Condition::DiskLow => !is_full && self.free_bytes() < self.watch.rules.disk_bytes_low,
            Condition::WitnessMissing => self.watch.is_unwitnessed(),
            Condition::ListStale => self.servers.values().any(|server| !server.has_list(now)),
            Condition::ClockJumped => self.watch.jumped.load(Ordering::Relaxed),
            Condition::BackupOverdue => self.backup_overdue(),
        };
        Condition::ALL.into_iter().filter(holds).collect()
    }

    /// Free bytes on the disk of the world, as seen last.
    pub fn free_bytes(&self) -> u64 {
        self.watch.free_bytes.load(Ordering::Relaxed)
    }

    /// Whether something may be begun that has to be written.
    ///
    /// # Errors
    /// [`Refusal::RecordsUnavailable`] until a restart, or [`Unready::DiskFull`] while there is no room.
    pub fn can_begin(&self) -> Result<(), Refusal> {
        if !self.is_writable() {
            return Err(Refusal::RecordsUnavailable);
        }
        if !self.watch.has_room() {
            return Err(Refusal::Unready(Unready::DiskFull));
        }
        Ok(())
    }

    /// Waits while the disk is full; no when the world is closed meanwhile.
    pub(super) async fn has_room(&self) -> bool {
        while !self.watch.has_room() {
            tokio::select! {
                () = self.closing.cancelled() => return false,
                () = tokio::time::sleep(LOOKED_EVERY) => {}
            }
        }
        true
    }

    /// Looks at what the conditions depend on, and logs what has changed.
    pub(super) fn watch(&self) {
        self.watch.look_at_disk(&self.dir);
        self.watch.look_at_clock();
        let now = self.conditions();
        let told = self.watch.told.lock();
        let mut told = told.unwrap_or_else(PoisonError::into_inner);
        for condition in now.iter().filter(|condition| !told.contains(condition)) {
            tracing::warn!(world = %self.name, condition = condition.name(), "a condition has begun");
        }
        for condition in told.iter().filter(|condition| !now.contains(condition)) {
            tracing::warn!(world = %self.name, condition = condition.name(), "a condition has ended");
        }
        *told = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_jump_of_the_clock_is_shown_for_an_hour_and_its_ordinary_steps_are_not() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        for jump in [-3600, -61, 61, 86_400] {
            let mut clock = ClockWatch::default();
            assert!(!clock.see(at(1_000_000), start));
            assert!(!clock.see(at(1_000_001), after(1)));
            assert!(
                !clock.see(at(1_000_050), after(2)),
                "a step of 48 s is none"
            );
            assert!(clock.see(at(1_000_051 + jump), after(3)), "{jump}");
            assert!(clock.see(at(1_000_052 + jump), after(4)));
            let last = 3 + JUMP_SHOWN.as_secs();
            assert!(!clock.see(
                at(1_000_048 + jump + i64::try_from(last).unwrap()),
                after(last)
            ));
        }
    }

    #[test]
    fn the_witness_may_be_missing_for_a_time() {
        let rules = WatchRules::default();
        let patient = Watch::new(rules);
        patient.witnessed(false);
        assert!(!patient.is_unwitnessed());
        let unwitnessed_max = Duration::ZERO;
        let strict = Watch::new(WatchRules {
            unwitnessed_max,
            ..rules
        });
        assert!(!strict.is_unwitnessed());
        strict.witnessed(false);
        assert!(strict.is_unwitnessed());
        strict.witnessed(true);
        assert!(!strict.is_unwitnessed());
    }
}
