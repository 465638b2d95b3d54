//! Lets a group of commits grow while many come: a sync costs as much for one as for many.

use std::{
    thread,
    time::{Duration, Instant},
};

/// A group begins no earlier than so long after the one before, while many come.
const INTERVAL: Duration = Duration::from_millis(1);

/// Many come when a group had as many for each of so long.
const MANY_EACH: Duration = Duration::from_micros(250);

/// When the group before was begun.
#[derive(Debug)]
pub struct Gather {
    began: Instant,
}

impl Default for Gather {
    fn default() -> Self {
        Self {
            began: Instant::now(),
        }
    }
}

impl Gather {
    /// Waits until the next group may begin, after one of this size.
    pub fn wait(&mut self, group: usize) {
        if let Some(pause) = pause(self.began.elapsed(), group) {
            thread::sleep(pause);
        }
        self.began = Instant::now();
    }
}

/// How long the next group is to wait when `elapsed` has passed since one of this size began.
fn pause(elapsed: Duration, group: usize) -> Option<Duration> {
    let many = elapsed < MANY_EACH * u32::try_from(group).unwrap_or(u32::MAX);
    many.then(|| INTERVAL.saturating_sub(elapsed))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn us(micros: u64) -> Duration {
        Duration::from_micros(micros)
    }

    #[test]
    fn a_group_waits_for_the_rest_of_a_millisecond_only_while_more_than_four_come_in_one() {
        assert_eq!(pause(us(300), 1), None, "one caller after another");
        assert_eq!(pause(us(600), 2), None);
        assert_eq!(pause(us(300), 2), Some(us(700)));
        assert_eq!(pause(us(900), 12), Some(us(100)));
        assert_eq!(
            pause(us(1_500), 12),
            Some(us(0)),
            "a slow disk is not waited for"
        );
        assert_eq!(pause(us(5_000), 12), None);
    }

    #[test]
    fn no_number_of_commits_is_too_large() {
        assert_eq!(pause(us(10), usize::MAX), Some(us(990)));
    }
}
